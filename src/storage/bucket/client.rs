//! The HTTP client of buckets: no redirect is followed, and what a service refuses comes with its own words.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpService,
};

use super::refused::Refused;

/// So much of the body of a refusal is read, while it comes.
const WORDS: usize = 8 << 10;
const SILENCE: Duration = Duration::from_secs(10);

/// The settings that every client of this room begins with.
pub(super) fn builder() -> reqwest::ClientBuilder {
    // Somebody else in this process may have chosen another one, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redirects = reqwest::redirect::Policy::none();
    reqwest::Client::builder().user_agent(concat!("mdl/", env!("CARGO_PKG_VERSION"))).redirect(redirects)
}

/// Makes the clients of object stores.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let option = |key| options.get_config_value(&key).unwrap_or_default();
        // Servers of credentials on the same machine are given a second, and may be asked without encryption.
        let connect = match option(ClientConfigKey::ConnectTimeout).as_str() {
            "1s" | "1 second" => Duration::from_secs(1),
            _ => Duration::from_secs(10),
        };
        let client = builder()
            .connect_timeout(connect)
            .https_only(option(ClientConfigKey::AllowHttp) != "true")
            .http1_only()
            .build();
        let failed = |error| object_store::Error::Generic { store: "HTTP", source: Box::new(error) };
        Ok(HttpClient::new(Service(client.map_err(failed)?)))
    }
}

/// A client that tells a refusal as an error, before the layers above forget why.
#[derive(Debug)]
struct Service(reqwest::Client);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.0.call(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let header = |name: &str| parts.headers.get(name)?.to_str().ok().map(str::to_owned);
        let mut words = Vec::new();
        let mut stream = body.bytes_stream();
        while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE, stream.next()).await {
            words.extend_from_slice(&piece);
            if words.len() > WORDS {
                break;
            }
        }
        let code = header("x-ms-error-code");
        let refused = Refused::new(parts.status.as_u16(), code, &words, header("x-amz-bucket-region"));
        Err(HttpError::new(HttpErrorKind::Unknown, refused))
    }
}
