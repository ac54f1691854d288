//! From the URL of a bucket to a client of it: endpoints, regions and credentials.

use std::io;
use std::str::FromStr;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::list::PaginatedListStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::attempt::Failure;
use super::client::Connector;
use super::environment::Environment;
use super::url::{BucketUrl, Scheme};

/// What is asked of a client: objects, and listings page by page.
pub(super) trait Objects: ObjectStore + PaginatedListStore {}

impl<T: ObjectStore + PaginatedListStore> Objects for T {}

/// Makes the client. No request is sent, except to find credentials where the environment has none.
pub(super) fn objects(url: &BucketUrl, environment: &Environment) -> io::Result<Arc<dyn Objects>> {
    match url.scheme() {
        Scheme::S3 => s3(url, environment),
        Scheme::Gs => gs(url, environment),
        Scheme::Az => az(url, environment),
    }
}

/// Whoever names an endpoint without encryption gets it.
fn options(endpoint: Option<&str>) -> ClientOptions {
    ClientOptions::new().with_allow_http(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")))
}

/// We count attempts ourselves: only then is it known what an attempt that failed has done.
fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn told(error: object_store::Error) -> io::Error {
    Failure::from(error).error
}

/// The variables of a cloud that are options of its client.
fn configured<B, K: FromStr>(
    builder: B,
    environment: &Environment,
    prefix: &str,
    set: impl Fn(B, K, String) -> B,
) -> B {
    environment.starting(prefix).fold(builder, |builder, (name, value)| {
        match name.to_ascii_lowercase().parse() {
            Ok(key) => set(builder, key, value.to_owned()),
            Err(_) => builder,
        }
    })
}

fn s3(url: &BucketUrl, environment: &Environment) -> io::Result<Arc<dyn Objects>> {
    let mut builder = configured(AmazonS3Builder::new(), environment, "AWS_", AmazonS3Builder::with_config);
    let of_environment = environment.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    let endpoint = url.endpoint().or(of_environment);
    if let Some(endpoint) = endpoint {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if let Some(region) = url.region() {
        builder = builder.with_region(region);
    }
    let s3 = builder
        .with_bucket_name(url.bucket())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_disable_bulk_delete(true)
        .with_retry(no_retries())
        .with_client_options(options(endpoint))
        .with_http_connector(Connector)
        .build();
    Ok(Arc::new(s3.map_err(told)?))
}

fn gs(url: &BucketUrl, environment: &Environment) -> io::Result<Arc<dyn Objects>> {
    let new = GoogleCloudStorageBuilder::new();
    let mut builder = configured(new, environment, "GOOGLE_", GoogleCloudStorageBuilder::with_config);
    if let Some(endpoint) = url.endpoint() {
        builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
    }
    let gs = builder
        .with_bucket_name(url.bucket())
        .with_retry(no_retries())
        .with_client_options(options(url.endpoint()))
        .with_http_connector(Connector)
        .build();
    Ok(Arc::new(gs.map_err(told)?))
}

fn az(url: &BucketUrl, environment: &Environment) -> io::Result<Arc<dyn Objects>> {
    let new = MicrosoftAzureBuilder::new();
    let mut builder = configured(new, environment, "AZURE_", MicrosoftAzureBuilder::with_config);
    if let Some(account) = url.account() {
        builder = builder.with_account(account);
    }
    let of_environment = environment.first(&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]);
    let endpoint = url.endpoint().or(of_environment);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.to_owned());
    }
    let az = builder
        .with_container_name(url.bucket())
        .with_retry(no_retries())
        .with_client_options(options(endpoint))
        .with_http_connector(Connector)
        .build();
    Ok(Arc::new(az.map_err(told)?))
}
