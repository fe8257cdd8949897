//! An HTTP request, as far as the collector wants to know it.

use std::io::Read;

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_ENCODING};

use crate::refusal::Refusal;

/// More than any batch may have, so that what is a little too large is told which limit it breaks.
const MOST_TRACKED_BYTES: usize = 1024 * 1024;
/// A webhook has no limit of its own; this is about what a Lambda is given.
const MOST_WEBHOOK_BYTES: usize = 6 * 1024 * 1024;

/// What a request wants, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// One message, of a type that the path names.
    Message(&'static str),
    /// Several messages, each with its own type.
    Batch,
    /// Segment's webhook destination, by the name that the deployer gave it.
    Webhook(String),
}

impl Endpoint {
    /// The endpoint of a path. The short names are those that Segment's browser library uses.
    pub fn of(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/v1/")?;
        let path = path.strip_suffix('/').unwrap_or(path);
        Some(match path {
            "track" | "t" => Self::Message("track"),
            "identify" | "i" => Self::Message("identify"),
            "page" | "p" => Self::Message("page"),
            "screen" | "s" => Self::Message("screen"),
            "group" | "g" => Self::Message("group"),
            "alias" | "a" => Self::Message("alias"),
            "batch" | "b" | "import" => Self::Batch,
            _ => match path.strip_prefix("webhook/") {
                Some(name) if !name.is_empty() && !name.contains('/') => {
                    Self::Webhook(name.to_owned())
                }
                _ => return None,
            },
        })
    }

    /// As the log names it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Message(name) => name,
            Self::Batch => "batch",
            Self::Webhook(_) => "webhook",
        }
    }

    fn most_bytes(&self) -> usize {
        match self {
            Self::Message(_) | Self::Batch => MOST_TRACKED_BYTES,
            Self::Webhook(_) => MOST_WEBHOOK_BYTES,
        }
    }
}

/// The path that a function URL was called with.
pub fn path_of(request: &LambdaFunctionUrlRequest) -> &str {
    request.raw_path.as_deref().unwrap_or_default()
}

/// The body, unpacked.
pub fn body_of(request: &LambdaFunctionUrlRequest, endpoint: &Endpoint) -> Result<String, Refusal> {
    let text = request.body.as_deref().unwrap_or_default();
    let most = endpoint.most_bytes();
    let bytes = if request.is_base64_encoded {
        STANDARD.decode(text).map_err(|_| Refusal::Damaged("base64"))?
    } else {
        text.as_bytes().to_vec()
    };
    if bytes.len() > most {
        return Err(Refusal::BodyTooLarge(most));
    }
    let bytes = if is_gzip(&request.headers, &bytes)? { unpack(&bytes, most)? } else { bytes };
    String::from_utf8(bytes).map_err(|_| Refusal::NotJson)
}

/// Whether there is something to unpack: what stands in front of the function may have done it.
fn is_gzip(headers: &HeaderMap, bytes: &[u8]) -> Result<bool, Refusal> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return Ok(false);
    };
    let encoding = encoding.to_str().map_err(|_| Refusal::Encoding)?.trim();
    if encoding.is_empty() || encoding.eq_ignore_ascii_case("identity") {
        return Ok(false);
    }
    if !encoding.eq_ignore_ascii_case("gzip") && !encoding.eq_ignore_ascii_case("x-gzip") {
        return Err(Refusal::Encoding);
    }
    Ok(!bytes.trim_ascii_start().starts_with(b"{") && !bytes.trim_ascii_start().starts_with(b"["))
}

/// Never unpacks more than is allowed, whatever the compressed bytes say.
fn unpack(bytes: &[u8], most: usize) -> Result<Vec<u8>, Refusal> {
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(most as u64 + 1);
    decoder.read_to_end(&mut unpacked).map_err(|_| Refusal::Damaged("gzip"))?;
    if unpacked.len() > most { Err(Refusal::BodyTooLarge(most)) } else { Ok(unpacked) }
}

/// The user name of Basic authentication: the write key. The password is left empty by Segment's libraries.
pub fn write_key_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let key = decoded.split_once(':').map_or(decoded.as_str(), |(user, _)| user);
    (!key.is_empty()).then(|| key.to_owned())
}

/// The signature of a webhook's body.
pub fn signature_of(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-signature")?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn request(body: &[u8], encoding: Option<&'static str>) -> LambdaFunctionUrlRequest {
        let mut request = LambdaFunctionUrlRequest::default();
        request.body = Some(STANDARD.encode(body));
        request.is_base64_encoded = true;
        if let Some(encoding) = encoding {
            request.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        request
    }

    fn body(request: &LambdaFunctionUrlRequest) -> Result<String, u16> {
        body_of(request, &Endpoint::Batch).map_err(|refusal| refusal.status())
    }

    #[test]
    fn long_and_short_names_are_the_same() {
        for (long, short) in [("track", "t"), ("page", "p"), ("alias", "a"), ("batch", "b")] {
            let long = Endpoint::of(&format!("/v1/{long}"));
            assert!(long.is_some());
            assert_eq!(Endpoint::of(&format!("/v1/{short}")), long);
            assert_eq!(Endpoint::of(&format!("/v1/{short}/")), long);
        }
        assert_eq!(Endpoint::of("/v1/webhook/shop"), Some(Endpoint::Webhook("shop".to_owned())));
        for unknown in ["", "/", "/v1/", "/v1", "/v2/track", "/v1/webhook/", "/v1/webhook/a/b"] {
            assert_eq!(Endpoint::of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn gzip_is_unpacked_also_where_somebody_in_front_did_it() {
        assert_eq!(body(&request(&gzip(b"{}"), Some("GZIP"))).unwrap(), "{}");
        assert_eq!(body(&request(b"{}", Some("gzip"))).unwrap(), "{}");
        assert_eq!(body(&request(b"{}", Some("identity"))).unwrap(), "{}");
        assert_eq!(body(&request(b"{}", Some("br"))), Err(415));
        assert_eq!(body(&request(b"no gzip", Some("gzip"))), Err(400));
        assert_eq!(body(&request(&gzip(b"{}")[..15], Some("gzip"))), Err(400));
        assert_eq!(body(&request(b"\xff", None)), Err(400));
    }

    #[test]
    fn a_bomb_and_a_large_body_are_refused() {
        let bomb = gzip(&vec![b' '; 100 * 1024 * 1024]);
        assert!(bomb.len() < 200_000);
        assert_eq!(body(&request(&bomb, Some("gzip"))), Err(413));
        assert_eq!(body(&request(&vec![b' '; MOST_TRACKED_BYTES + 1], None)), Err(413));
        let mut damaged = request(b"", None);
        damaged.body = Some("%".to_owned());
        assert_eq!(body(&damaged), Err(400));
    }

    #[test]
    fn the_user_name_is_the_write_key() {
        let key = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            write_key_of(&headers)
        };
        assert_eq!(key(&format!("Basic {}", STANDARD.encode("key:"))).as_deref(), Some("key"));
        assert_eq!(key(&format!("basic {}", STANDARD.encode("key:pass"))).as_deref(), Some("key"));
        assert_eq!(key(&format!("Basic {}", STANDARD.encode("key"))).as_deref(), Some("key"));
        assert_eq!(key(&format!("Basic {}", STANDARD.encode(":"))), None);
        assert_eq!(key("Bearer abc"), None);
        assert_eq!(key("Basic %"), None);
        assert_eq!(write_key_of(&HeaderMap::new()), None);
    }
}
