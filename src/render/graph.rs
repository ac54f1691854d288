//! Draws the lanes of history with the characters that git uses: `*`, `|`, `\`, `/`.

use crate::graph::{Edge, Row};

/// Lanes further to the right are not drawn.
const MAX_LANES: usize = 32;

/// What stands left of a commit's lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drawn {
    /// Beside the first line.
    pub(super) node: String,
    /// Lines on the way to the row below; the first of the commit's further lines stand beside them.
    pub(super) links: Vec<String>,
    /// Beside all lines after those.
    pub(super) rest: String,
}

/// Draws a row. All pieces have equal widths, with a space at their end.
pub(super) fn draw(row: &Row) -> Drawn {
    let edges: Vec<Edge> =
        row.edges.iter().copied().filter(|edge| edge.from < MAX_LANES && edge.to < MAX_LANES).collect();
    let lanes = edges.iter().map(|edge| edge.to + 1).chain([row.width.min(MAX_LANES)]).max().unwrap_or(1);
    let width = lanes * 2;
    let mut node = vec![b' '; width];
    for lane in 0..row.width.min(MAX_LANES) {
        node[lane * 2] = if lane == row.lane { b'*' } else { b'|' };
    }
    let mut rest = vec![b' '; width];
    edges.iter().for_each(|edge| rest[edge.to * 2] = b'|');
    Drawn { node: text(&node), links: links(edges, width), rest: text(&rest) }
}

/// Moves every line one lane a step towards where it ends.
fn links(mut edges: Vec<Edge>, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    while edges.iter().any(|edge| edge.from != edge.to) {
        let mut line = vec![b' '; width];
        for edge in &mut edges {
            match edge.from.cmp(&edge.to) {
                std::cmp::Ordering::Equal => line[edge.from * 2] = b'|',
                std::cmp::Ordering::Less => {
                    line[edge.from * 2 + 1] = b'\\';
                    edge.from += 1;
                }
                std::cmp::Ordering::Greater => {
                    line[edge.from * 2 - 1] = b'/';
                    edge.from -= 1;
                }
            }
        }
        out.push(text(&line));
    }
    out
}

fn text(line: &[u8]) -> String {
    line.iter().map(|byte| char::from(*byte)).collect()
}
