//! What Python code imports: the names of top-level modules, from sources and notebooks.
//!
//! Found by reading, never by running: `import a.b as c, d` and `from x.y import z`, wherever they stand, but not in
//! comments and texts. Relative imports are the project's own and left out. What is imported by a name that is only
//! known when the code runs is not seen. Time is linear in the length, memory is that of the names.

use std::collections::BTreeSet;

use super::FormatError;

/// Most names of one file.
const MOST: usize = 10_000;
/// Longer names are not those of modules.
const LONGEST: usize = 255;

/// The modules that a file imports, by its name's extension: `py`, `pyw`, `ipynb`. Of other files, nothing.
/// A source is read as far as it can be understood; a notebook must be JSON.
pub fn imports(file_name: &str, bytes: &[u8]) -> Result<BTreeSet<String>, FormatError> {
    let mut names = BTreeSet::new();
    match file_name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("py" | "pyw") => source(bytes, &mut names),
        Some("ipynb") => notebook(bytes, &mut names)?,
        _ => {}
    }
    Ok(names)
}

fn notebook(bytes: &[u8], names: &mut BTreeSet<String>) -> Result<(), FormatError> {
    let json: serde_json::Value = serde_json::from_slice(bytes)
        .map_err(|error| FormatError::new(error.line() as u64, "the notebook is not JSON"))?;
    // Before version 4 of the format cells lie in sheets, and their text is `input`.
    let sheets = json["worksheets"].as_array().into_iter().flatten();
    let cells = sheets.chain([&json]).filter_map(|sheet| sheet["cells"].as_array()).flatten();
    for cell in cells.filter(|cell| cell["cell_type"] == "code") {
        let text = [&cell["source"], &cell["input"]].into_iter().find(|text| !text.is_null());
        let text = match text {
            Some(serde_json::Value::Array(lines)) => lines.iter().filter_map(|line| line.as_str()).collect(),
            Some(serde_json::Value::String(text)) => text.clone(),
            _ => continue,
        };
        source(python_of_cell(&text).as_bytes(), names);
    }
    Ok(())
}

/// The Python of a cell: without commands of the shell and of the notebook, nothing of a cell in another language.
fn python_of_cell(cell: &str) -> String {
    const IN_PYTHON: &[&str] = &["capture", "time", "timeit", "prun", "python", "python3"];
    let first = cell.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if let Some(magic) = first.trim_start().strip_prefix("%%")
        && !IN_PYTHON.contains(&magic.split_whitespace().next().unwrap_or_default())
    {
        return String::new();
    }
    let is_python = |line: &&str| !line.trim_start().starts_with(['%', '!', '?']);
    cell.lines().filter(is_python).flat_map(|line| [line, "\n"]).collect()
}

/// A piece of Python, as far as imports need it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Name(&'a [u8]),
    Dot,
    Comma,
    /// The end of a line, or a semicolon.
    End,
    /// Anything else.
    Other,
}

fn source(bytes: &[u8], names: &mut BTreeSet<String>) {
    let mut tokens = Tokens { rest: bytes };
    // `import` is a keyword and stands in nothing but an import; `from` is one before it and a name.
    let mut after_from = None;
    while let Some(token) = tokens.next() {
        match token {
            Token::Name(b"from") => after_from = tokens.module(),
            Token::Name(b"import") => match after_from.take() {
                Some(From::Module(name)) => add(name, names),
                Some(From::Relative) => {}
                None => tokens.modules(names),
            },
            _ => after_from = None,
        }
    }
}

fn add(name: &[u8], names: &mut BTreeSet<String>) {
    if let Ok(name) = std::str::from_utf8(name)
        && name.len() <= LONGEST
        && names.len() < MOST
    {
        names.insert(name.to_owned());
    }
}

/// What follows `from`.
enum From<'a> {
    Module(&'a [u8]),
    Relative,
}

/// Reads tokens from the front.
struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// The token after these, without taking it.
    fn peek(&self) -> Option<Token<'a>> {
        Tokens { rest: self.rest }.next()
    }

    fn take_if(&mut self, wanted: impl Fn(Token<'a>) -> bool) -> Option<Token<'a>> {
        self.peek().filter(|token| wanted(*token))?;
        self.next()
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        match self.take_if(|token| matches!(token, Token::Name(name) if name != b"import")) {
            Some(Token::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// A dotted name after `from`.
    fn module(&mut self) -> Option<From<'a>> {
        if self.take_if(|token| token == Token::Dot).is_some() {
            while self.take_if(|token| token == Token::Dot).is_some() {}
            self.dotted();
            return Some(From::Relative);
        }
        self.dotted().map(From::Module)
    }

    /// A dotted name; the first of its names.
    fn dotted(&mut self) -> Option<&'a [u8]> {
        let first = self.name()?;
        while self.take_if(|token| token == Token::Dot).is_some() && self.name().is_some() {}
        Some(first)
    }

    /// What follows `import`: dotted names, each perhaps with another name for it.
    fn modules(&mut self, names: &mut BTreeSet<String>) {
        while let Some(name) = self.dotted() {
            add(name, names);
            if self.take_if(|token| token == Token::Name(b"as")).is_some() {
                self.name();
            }
            if self.take_if(|token| token == Token::Comma).is_none() {
                return;
            }
        }
    }

    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Skips a text whose opening quotation mark is next. One in single marks ends with its line at the latest, so
    /// that a mistake costs a line and not the file.
    fn skip_text(&mut self) {
        let mark = self.rest[0];
        let is_long = self.rest.starts_with(&[mark; 3]);
        self.skip(if is_long { 3 } else { 1 });
        while let Some(&byte) = self.rest.first() {
            match byte {
                b'\\' if self.rest.starts_with(b"\\\r\n") => self.skip(3),
                b'\\' => self.skip(2),
                b'\n' | b'\r' if !is_long => return,
                _ if byte == mark && !is_long => return self.skip(1),
                _ if byte == mark && self.rest.starts_with(&[mark; 3]) => return self.skip(3),
                _ => self.skip(1),
            }
        }
    }

    /// The length of what satisfies this at the front.
    fn run(&self, is_of_it: impl Fn(u8) -> bool) -> usize {
        self.rest.iter().position(|byte| !is_of_it(*byte)).unwrap_or(self.rest.len())
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            match *self.rest.first()? {
                b' ' | b'\t' | 0x0c => self.skip(1),
                b'\\' => self.skip(if self.rest.starts_with(b"\\\r\n") { 3 } else { 2 }),
                b'#' => self.skip(self.run(|byte| !matches!(byte, b'\n' | b'\r'))),
                0xef if self.rest.starts_with("\u{feff}".as_bytes()) => self.skip(3),
                _ => break,
            }
        }
        let first = *self.rest.first()?;
        if is_of_name(first) {
            let len = self.run(is_of_name);
            let (name, rest) = self.rest.split_at(len);
            self.rest = rest;
            if !(len <= 2 && matches!(rest.first(), Some(b'"' | b'\'')) && is_prefix(name)) {
                return Some(if first.is_ascii_digit() { Token::Other } else { Token::Name(name) });
            }
        }
        if matches!(self.rest[0], b'"' | b'\'') {
            self.skip_text();
            return Some(Token::Other);
        }
        self.skip(1);
        Some(match first {
            b'.' => Token::Dot,
            b',' => Token::Comma,
            b'\n' | b'\r' | b';' => Token::End,
            _ => Token::Other,
        })
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether these letters before a quotation mark belong to the text.
fn is_prefix(letters: &[u8]) -> bool {
    letters.iter().all(|letter| b"rbuft".contains(&letter.to_ascii_lowercase()))
}

/// The packages, by their normalised names, one of which usually brings a module. More than one where a package
/// comes in variants, or has another name in conda.
pub fn distributions(module: &str) -> Vec<String> {
    match UNUSUAL.binary_search_by(|(name, _)| (*name).cmp(module)) {
        Ok(at) => UNUSUAL[at].1.iter().map(|name| (*name).to_owned()).collect(),
        Err(_) => vec![normalised(module)],
    }
}

/// A name as the package index compares it.
fn normalised(module: &str) -> String {
    let words = module.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Modules whose package has another name or several, sorted.
const UNUSUAL: &[(&str, &[&str])] = &[
    ("Bio", &["biopython"]),
    ("Crypto", &["pycryptodome", "pycrypto"]),
    ("IPython", &["ipython"]),
    ("Levenshtein", &["levenshtein", "python-levenshtein"]),
    ("MySQLdb", &["mysqlclient"]),
    ("OpenGL", &["pyopengl"]),
    ("OpenSSL", &["pyopenssl"]),
    ("PIL", &["pillow", "pillow-simd"]),
    ("apex", &["apex", "nvidia-apex"]),
    ("attr", &["attrs"]),
    ("box", &["python-box"]),
    ("bs4", &["beautifulsoup4"]),
    ("cupy", &["cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x"]),
    ("cv2", &["opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv", "py-opencv"]),
    ("dateutil", &["python-dateutil"]),
    ("docx", &["python-docx"]),
    ("dotenv", &["python-dotenv"]),
    ("faiss", &["faiss", "faiss-cpu", "faiss-gpu"]),
    ("fitz", &["pymupdf"]),
    ("gi", &["pygobject"]),
    ("git", &["gitpython"]),
    ("google", &["protobuf", "googleapis-common-protos"]),
    ("graphviz", &["graphviz", "python-graphviz"]),
    ("grpc", &["grpcio"]),
    ("hydra", &["hydra-core"]),
    ("igraph", &["igraph", "python-igraph"]),
    ("imblearn", &["imbalanced-learn"]),
    ("jose", &["python-jose"]),
    ("jwt", &["pyjwt"]),
    ("kafka", &["kafka-python"]),
    ("llama_cpp", &["llama-cpp-python"]),
    ("magic", &["python-magic"]),
    ("matplotlib", &["matplotlib", "matplotlib-base"]),
    ("mpl_toolkits", &["matplotlib", "matplotlib-base"]),
    ("nacl", &["pynacl"]),
    ("onnxruntime", &["onnxruntime", "onnxruntime-gpu"]),
    ("osgeo", &["gdal"]),
    ("pkg_resources", &["setuptools"]),
    ("pptx", &["python-pptx"]),
    ("psycopg2", &["psycopg2", "psycopg2-binary"]),
    ("pydot", &["pydot", "pydotplus"]),
    ("pylab", &["matplotlib", "matplotlib-base"]),
    ("pyximport", &["cython"]),
    ("rest_framework", &["djangorestframework"]),
    ("ruamel", &["ruamel-yaml"]),
    ("serial", &["pyserial"]),
    ("skimage", &["scikit-image"]),
    ("sklearn", &["scikit-learn"]),
    ("skopt", &["scikit-optimize"]),
    ("sksurv", &["scikit-survival"]),
    ("slugify", &["python-slugify"]),
    ("snappy", &["python-snappy"]),
    ("socks", &["pysocks"]),
    ("sounddevice", &["sounddevice", "python-sounddevice"]),
    ("tables", &["tables", "pytables"]),
    ("tensorflow", &["tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-macos", "tf-nightly"]),
    ("tensorrt", &["tensorrt", "nvidia-tensorrt"]),
    ("torch", &["torch", "pytorch"]),
    ("torch_geometric", &["torch-geometric", "pyg"]),
    ("tvm", &["apache-tvm"]),
    ("umap", &["umap-learn"]),
    ("usb", &["pyusb"]),
    ("wx", &["wxpython"]),
    ("xgboost", &["xgboost", "xgboost-cpu", "py-xgboost"]),
    ("yaml", &["pyyaml"]),
    ("zmq", &["pyzmq"]),
];

#[cfg(test)]
#[path = "imports_tests.rs"]
mod tests;
