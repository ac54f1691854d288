//! From the URL of a bucket to a client of it: endpoints, regions and credentials.

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum, S3ConditionalPut};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::list::PaginatedListStore;
use object_store::{ClientOptions, ObjectStore, RetryConfig, StaticCredentialProvider};

use super::attempt::Failure;
use super::client::Connector;
use super::environment::Environment;
use super::profile::Profile;
use super::runtime::wait;
use super::url::{BucketUrl, Scheme};

/// How long a machine's own service of credentials may take.
const ROLE: Duration = Duration::from_secs(3);

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
    let own_keys = environment.get("AWS_ACCESS_KEY_ID").is_some();
    let profile = if own_keys { None } else { Profile::chosen(environment)? };
    let of_profile = |name| profile.as_ref().and_then(|profile| profile.get(name));
    let mut builder = configured(AmazonS3Builder::new(), environment, "AWS_", AmazonS3Builder::with_config);
    let of_environment = environment.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    let endpoint = url.endpoint().or(of_environment).or(of_profile("endpoint_url"));
    if let Some(endpoint) = endpoint {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
        if endpoint.starts_with("http://") {
            // Where nothing is encrypted, a body may arrive damaged, and not every server looks at what is signed.
            builder = builder.with_checksum_algorithm(Checksum::SHA256);
        }
    }
    let of_environment = environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
    if let Some(region) = url.region().or(of_environment).or(of_profile("region")) {
        builder = builder.with_region(region);
    }
    match profile.as_ref().map(|profile| profile.credentials(environment)).transpose()?.flatten() {
        Some(credentials) => builder = builder.with_credentials(credentials),
        None if own_keys => {}
        None => {
            let has_role = has_role(&builder, environment, endpoint);
            builder = builder.with_skip_signature(!has_role);
        }
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

/// Whether the machine, container or pod has a role: variables say so, or the machine's own service of credentials.
fn has_role(builder: &AmazonS3Builder, environment: &Environment, endpoint: Option<&str>) -> bool {
    let variables = [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    if environment.first(&variables).is_some() {
        return true;
    }
    let off =
        environment.get("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    // Whoever runs a server of their own has no use for a role of Amazon's machines.
    if off || endpoint.is_some_and(|endpoint| !endpoint.contains("amazonaws.com")) {
        return false;
    }
    let asked =
        builder.clone().with_bucket_name("none").with_retry(no_retries()).with_http_connector(Connector);
    asked.build().is_ok_and(|s3| found(async { s3.credentials().get_credential().await.is_ok() }))
}

fn gs(url: &BucketUrl, environment: &Environment) -> io::Result<Arc<dyn Objects>> {
    let new = GoogleCloudStorageBuilder::new();
    let mut builder = configured(new, environment, "GOOGLE_", GoogleCloudStorageBuilder::with_config);
    if let Some(endpoint) = url.endpoint() {
        builder = builder.with_config(GoogleConfigKey::BaseUrl, endpoint);
    }
    // A token is all that Google asks for: it is shown to Google only, and to whom the environment itself names.
    let elsewhere = url.endpoint().is_some_and(|endpoint| !is_of(endpoint, "googleapis.com"));
    let credentials = environment.first(&[
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ]);
    let by_tools = || {
        environment
            .in_home(".config/gcloud/application_default_credentials.json")
            .is_some_and(|file| file.is_file())
    };
    if elsewhere || (credentials.is_none() && !by_tools() && !has_token(&builder)) {
        builder = builder
            .with_skip_signature(true)
            .with_credentials(Arc::new(StaticCredentialProvider::new(no_token())));
    }
    let gs = builder
        .with_bucket_name(url.bucket())
        .with_retry(no_retries())
        .with_client_options(options(url.endpoint()))
        .with_http_connector(Connector)
        .build();
    Ok(Arc::new(gs.map_err(told)?))
}

/// Whether an endpoint is a host of this domain.
fn is_of(endpoint: &str, domain: &str) -> bool {
    let host = endpoint.strip_prefix("https://").unwrap_or("").split(['/', ':']).next().unwrap_or("");
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn no_token() -> GcpCredential {
    GcpCredential { bearer: String::new() }
}

/// Whether a machine of Google's has a token for us.
fn has_token(builder: &GoogleCloudStorageBuilder) -> bool {
    let asked =
        builder.clone().with_bucket_name("none").with_retry(no_retries()).with_http_connector(Connector);
    asked.build().is_ok_and(|gs| found(async { gs.credentials().get_credential().await.is_ok() }))
}

fn az(url: &BucketUrl, environment: &Environment) -> io::Result<Arc<dyn Objects>> {
    let new = MicrosoftAzureBuilder::new();
    let mut builder = configured(new, environment, "AZURE_", MicrosoftAzureBuilder::with_config);
    // As the program `az` calls them.
    if let Some(key) = environment.get("AZURE_STORAGE_KEY") {
        builder = builder.with_access_key(key);
    }
    if let Some(account) = url.account().or(environment.get("AZURE_STORAGE_ACCOUNT")) {
        builder = builder.with_account(account);
    }
    let of_environment = environment.first(&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]);
    let endpoint = url.endpoint().or(of_environment);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.to_owned());
    }
    builder = builder
        .with_container_name(url.bucket())
        .with_retry(no_retries())
        .with_client_options(options(endpoint))
        .with_http_connector(Connector);
    let keys = ["AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY"];
    // A key signs and is not shown; a token is shown, so only to Microsoft and to whom the environment names.
    let elsewhere = url.endpoint().is_some_and(|endpoint| !is_of(endpoint, "windows.net"));
    let tokens = [
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_CLIENT_ID",
        "AZURE_STORAGE_CLIENT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_USE_AZURE_CLI",
        "AZURE_USE_EMULATOR",
        "IDENTITY_ENDPOINT",
    ];
    let signs = environment.first(&keys).is_some()
        || (!elsewhere && (environment.first(&tokens).is_some() || az_has_token(&builder)));
    Ok(Arc::new(builder.with_skip_signature(!signs).build().map_err(told)?))
}

/// Whether a machine of Microsoft's has a token for us.
fn az_has_token(builder: &MicrosoftAzureBuilder) -> bool {
    let azure = builder.clone().build();
    azure.is_ok_and(|azure| found(async { azure.credentials().get_credential().await.is_ok() }))
}

/// Asks a machine's own service of credentials, for a short while.
fn found(asked: impl Future<Output = bool>) -> bool {
    wait(async { Ok(tokio::time::timeout(ROLE, asked).await.unwrap_or(false)) }).unwrap_or(false)
}
