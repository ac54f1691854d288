//! Requests to a web server, which is not trusted: where it may send us on, and what counts as an answer.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, RANGE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};

use crate::storage::bucket::attempt::{Effect, Failure, Patience};
use crate::storage::bucket::client;
use crate::storage::bucket::refused::Refused;

/// Redirects of one request.
const MAX_REDIRECTS: usize = 5;
/// So much of a refusal is read.
const WORDS: u64 = 8 << 10;

/// The client of web servers.
pub(super) fn client(patience: &Patience) -> Result<Client, Failure> {
    let builder = client::builder().redirect(Policy::custom(redirect)).dns_resolver(Resolver);
    Ok(builder.connect_timeout(patience.connect).read_timeout(patience.idle).build()?)
}

fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let to = attempt.url();
    let from = attempt.previous().last().map(Url::scheme);
    let host = to.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let address = host.and_then(|host| host.parse().ok());
    let reason = match (to.scheme(), from) {
        _ if attempt.previous().len() > MAX_REDIRECTS => "it sends us on and on",
        ("http", Some("https")) => "it sends us on to where nothing is encrypted",
        ("http" | "https", _) if address.is_some_and(is_link_local) => {
            "it sends us on to a link-local address"
        }
        ("http" | "https", _) => return attempt.follow(),
        _ => "it sends us on to what is no web server",
    };
    attempt.error(reason)
}

/// Addresses where machines of clouds find their credentials, and no web server.
fn is_link_local(address: IpAddr) -> bool {
    // What the machines of Amazon, Google and Alibaba use beside 169.254.169.254.
    const METADATA: [Ipv6Addr; 3] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    let v4 = |address: Ipv4Addr| address.is_link_local() || address == Ipv4Addr::new(100, 100, 100, 200);
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || METADATA.contains(&address) || within(address).is_some_and(v4)
        }
    }
}

/// The address of version 4 that one of version 6 stands for, or is translated to on its way (NAT64, 6to4).
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => join(high, low),
        [0x64, 0xff9b, 0 | 1, _, _, _, high, low] => join(high, low),
        [0x2002, high, low, ..] => join(high, low),
        _ => None,
    }
}

/// Names do not lead to link-local addresses either.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<_> = found.filter(|address| !is_link_local(address.ip())).collect();
            match addresses.is_empty() {
                true => Err("the name of the host leads nowhere".into()),
                false => Ok(Box::new(addresses.into_iter()) as Addrs),
            }
        })
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        let (kind, effect) = match &error {
            error if error.is_redirect() || error.is_builder() => (ErrorKind::InvalidData, Effect::Refused),
            error if error.is_timeout() => (ErrorKind::TimedOut, Effect::Unknown),
            error if error.is_connect() => (ErrorKind::HostUnreachable, Effect::None),
            _ => (ErrorKind::ConnectionReset, Effect::Unknown),
        };
        Self::caused(&error.without_url(), kind, effect)
    }
}

/// What an answer holds of a body.
pub(super) struct Part {
    response: Response,
    /// The range of the body that comes, if it is told.
    pub(super) range: Option<Range<u64>>,
    /// The size of the whole body, if it is told.
    pub(super) size: Option<u64>,
}

/// Asks for a body, or for a range of it: the server may ignore that, or send another. A missing one is `None`.
pub(super) async fn get(
    client: &Client,
    url: Url,
    range: Option<Range<u64>>,
) -> Result<Option<Part>, Failure> {
    let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
    if let Some(range) = &range {
        request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
    }
    let response = request.send().await?;
    let length = response.content_length();
    let content_range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let told = content_range.and_then(parse_content_range);
    match response.status() {
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        _ if response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") => {
            Err(Failure::hopeless(ErrorKind::InvalidData, "the server compresses what it was asked not to"))
        }
        StatusCode::OK => Ok(Some(Part { response, range: length.map(|length| 0..length), size: length })),
        StatusCode::PARTIAL_CONTENT => match told {
            Some((Some(range), size)) => Ok(Some(Part { response, range: Some(range), size })),
            _ => Err(Failure::bad_answer("a range came without being told which")),
        },
        StatusCode::RANGE_NOT_SATISFIABLE if range.is_some_and(|range| range.start == 0) => {
            // Of an empty body there is no first byte.
            Ok(Some(Part { response, range: Some(0..0), size: Some(0) }))
        }
        status => {
            let part = Part { response, range: None, size: None };
            let words = part.bytes(WORDS).await.unwrap_or_default();
            Err(Refused::new(status.as_u16(), None, &words, None).into())
        }
    }
}

fn parse_content_range(text: &str) -> Option<(Option<Range<u64>>, Option<u64>)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let size = size.parse().ok();
    let Some((first, last)) = range.split_once('-') else { return Some((None, size)) };
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < u64::MAX).then(|| (Some(first..last + 1), size))
}

impl Part {
    /// Fills a buffer with the bytes that come at an offset of the body; what comes before is skipped.
    pub(super) async fn fill(mut self, offset: u64, buffer: &mut [u8]) -> Result<(), Failure> {
        let start = self.range.as_ref().map_or(0, |range| range.start);
        let mut skip = offset.checked_sub(start).ok_or_else(|| Failure::bad_answer("another range came"))?;
        let mut filled = 0;
        while filled < buffer.len() {
            let Some(piece) = self.response.chunk().await? else {
                return Err(Failure::bad_answer("fewer bytes came than were asked for"));
            };
            let skipped = skip.min(piece.len() as u64);
            skip -= skipped;
            let piece = &piece[skipped as usize..];
            let taken = piece.len().min(buffer.len() - filled);
            buffer[filled..filled + taken].copy_from_slice(&piece[..taken]);
            filled += taken;
        }
        Ok(())
    }

    /// All bytes that come, if they are at most so many.
    pub(super) async fn bytes(mut self, limit: u64) -> Result<Vec<u8>, Failure> {
        let too_long = |bytes| {
            Failure::hopeless(ErrorKind::FileTooLarge, format!("it has {bytes} bytes, more than {limit}"))
        };
        if let Some(size) = self.size.filter(|size| *size > limit) {
            return Err(too_long(format!("{size}")));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = self.response.chunk().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > limit {
                return Err(too_long(format!("at least {}", bytes.len())));
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_are_known_in_all_their_clothes() {
        for text in [
            "169.254.169.254",
            "100.100.100.200",
            "fe80::1",
            "febf::1",
            "::ffff:169.254.1.1",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::ffff:100.100.100.200",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
        ] {
            assert!(is_link_local(text.parse().unwrap()), "{text}");
        }
        for text in ["127.0.0.1", "100.100.100.1", "::1", "169.253.0.1", "2001:db8::1", "64:ff9b::8.8.8.8"] {
            assert!(!is_link_local(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn ranges_that_come_are_read() {
        assert_eq!(parse_content_range("bytes 3-6/10"), Some((Some(3..7), Some(10))));
        assert_eq!(parse_content_range("bytes 3-6/*"), Some((Some(3..7), None)));
        assert_eq!(parse_content_range("bytes */0"), Some((None, Some(0))));
        for text in ["bytes 6-3/10", "3-6/10", "bytes 0-18446744073709551615/9", "bytes x-y/z"] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }
}
