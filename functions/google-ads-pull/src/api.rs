//! The Google Ads API and Google's token endpoint, over HTTP.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::credentials::{Access, Credentials};
use crate::failure::{Failure, Remedy};

/// A token is asked for anew this long before it expires, so that it does not expire on its way.
const EXPIRY_MARGIN: Duration = Duration::from_mins(5);

/// Of a refusal so much is read.
const LONGEST_REFUSAL: usize = 256 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two pieces of an answer; a large report takes minutes until its first.
const READ_TIMEOUT: Duration = Duration::from_mins(4);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The person must sign in again; no retry helps.
    #[error("google refuses the sign-in ({code}): sign in again and store the new refresh token")]
    SignInRequired {
        /// What the token endpoint or the API says.
        code: String,
    },
    /// The API refuses.
    #[error("google ads answers {code} with status {status}: {message}", code = .0.code, status = .0.status, message = .0.message)]
    Refused(Failure),
    /// There was no whole answer. A retry may help.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable {
        /// Which one.
        endpoint: String,
        /// What the network says.
        reason: String,
    },
    /// A token or an id is no header's value: a person must mend the secret or the parameters.
    #[error("{header} holds characters that no http header may have")]
    Malformed {
        /// The header.
        header: &'static str,
    },
}

/// The two endpoints.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// `https://googleads.googleapis.com`.
    pub api: String,
    /// `v24`.
    pub version: String,
    /// `https://oauth2.googleapis.com/token`.
    pub token: String,
}

/// A client with the access tokens that are still good.
pub struct GoogleAds {
    http: reqwest::Client,
    endpoints: Endpoints,
    tokens: Mutex<HashMap<String, AccessToken>>,
}

struct AccessToken {
    token: String,
    until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TokenRefusal {
    error: String,
}

impl GoogleAds {
    /// A client of two endpoints.
    pub fn new(endpoints: Endpoints) -> Result<Self, ApiError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("tributary-google-ads-pull/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A redirect would carry the token to where it does not belong.
            .redirect(reqwest::redirect::Policy::none())
            .build();
        match http {
            Ok(http) => Ok(Self { http, endpoints, tokens: Mutex::default() }),
            Err(error) => Err(unreachable(&endpoints.api, &error)),
        }
    }

    /// The answer to a query; its body is still on its way.
    pub async fn search_stream(
        &self,
        credentials: &Credentials,
        access: &Access,
        query: &str,
    ) -> Result<reqwest::Response, ApiError> {
        let known = self.known_token(access).await;
        let first = match &known {
            Some(token) => self.ask(access, token, query).await,
            None => {
                let token = self.new_token(credentials, access).await?;
                self.ask(access, &token, query).await
            }
        };
        match first {
            // A token can be revoked before its time: a new one tells whether the sign-in still stands.
            Err(ApiError::Refused(failure))
                if failure.remedy == Remedy::SignIn && known.is_some() =>
            {
                let token = self.new_token(credentials, access).await?;
                self.ask(access, &token, query).await.map_err(sign_in)
            }
            other => other.map_err(sign_in),
        }
    }

    async fn ask(
        &self,
        access: &Access,
        token: &str,
        query: &str,
    ) -> Result<reqwest::Response, ApiError> {
        let Endpoints { api, version, .. } = &self.endpoints;
        let url = format!("{api}/{version}/customers/{}/googleAds:searchStream", access.customer);
        let body = serde_json::json!({"query": query}).to_string();
        let sent = self.http.post(&url).headers(headers(access, token)?).body(body).send().await;
        let answer = sent.map_err(|error| unreachable(&url, &error))?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let refusal = read_refusal(answer).await.map_err(|error| unreachable(&url, &error))?;
        Err(ApiError::Refused(Failure::of(status, &refusal)))
    }

    async fn known_token(&self, access: &Access) -> Option<String> {
        let tokens = self.tokens.lock().await;
        let known = tokens.get(&access.refresh_token)?;
        (known.until > Instant::now()).then(|| known.token.clone())
    }

    /// Asks for an access token and keeps it.
    async fn new_token(
        &self,
        credentials: &Credentials,
        access: &Access,
    ) -> Result<String, ApiError> {
        let url = &self.endpoints.token;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", &credentials.client_id)
            .append_pair("client_secret", &credentials.client_secret)
            .append_pair("refresh_token", &access.refresh_token)
            .finish();
        let asked = Instant::now();
        let sent = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await;
        let answer = sent.map_err(|error| unreachable(url, &error))?;
        let status = answer.status().as_u16();
        let body = read_refusal(answer).await.map_err(|error| unreachable(url, &error))?;
        if status != 200 {
            return Err(token_refused(url, status, &body));
        }
        let Ok(answer) = serde_json::from_slice::<TokenAnswer>(&body) else {
            return Err(ApiError::Unreachable {
                endpoint: url.clone(),
                reason: "its answer holds no access token".to_owned(),
            });
        };
        let lifetime = Duration::from_secs(answer.expires_in).saturating_sub(EXPIRY_MARGIN);
        let kept = AccessToken { token: answer.access_token.clone(), until: asked + lifetime };
        self.tokens.lock().await.insert(access.refresh_token.clone(), kept);
        Ok(answer.access_token)
    }
}

/// What a refused sign-in is, wherever it was refused.
fn sign_in(error: ApiError) -> ApiError {
    match error {
        ApiError::Refused(failure) if failure.remedy == Remedy::SignIn => {
            ApiError::SignInRequired { code: failure.code }
        }
        other => other,
    }
}

/// The token endpoint answers 400 or 401 when the grant or the client is no longer good.
fn token_refused(url: &str, status: u16, body: &[u8]) -> ApiError {
    let refusal: TokenRefusal = serde_json::from_slice(body).unwrap_or_default();
    if (400..500).contains(&status) && status != 429 && !refusal.error.is_empty() {
        return ApiError::SignInRequired { code: refusal.error };
    }
    ApiError::Unreachable { endpoint: url.to_owned(), reason: format!("it answers {status}") }
}

fn headers(access: &Access, token: &str) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, header_value("authorization", &format!("Bearer {token}"))?);
    if let Some(login) = &access.login_customer_id {
        let name = "login-customer-id";
        headers.insert(HeaderName::from_static(name), header_value(name, login)?);
    }
    if let Some(developer_token) = &access.developer_token {
        let name = "developer-token";
        headers.insert(HeaderName::from_static(name), header_value(name, developer_token)?);
    }
    Ok(headers)
}

fn header_value(header: &'static str, text: &str) -> Result<HeaderValue, ApiError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ApiError::Malformed { header })?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read_refusal(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_REFUSAL {
            break;
        }
    }
    Ok(body)
}

/// What went wrong on the way. The address stays; what was sent to it does not come into the text.
pub(crate) fn unreachable(endpoint: &str, error: &reqwest::Error) -> ApiError {
    ApiError::Unreachable { endpoint: endpoint.to_owned(), reason: shared::aws::explain(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_grant_asks_for_a_person() {
        let refused = |status, body: &str| token_refused("token", status, body.as_bytes());
        assert!(matches!(
            refused(400, r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#),
            ApiError::SignInRequired { code } if code == "invalid_grant"
        ));
        assert!(matches!(
            refused(401, r#"{"error":"invalid_client"}"#),
            ApiError::SignInRequired { .. }
        ));
        for (status, body) in
            [(500, r#"{"error":"internal_failure"}"#), (429, r#"{"error":"x"}"#), (400, "<html>")]
        {
            assert!(matches!(refused(status, body), ApiError::Unreachable { .. }), "{status}");
        }
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_named_and_not_shown() {
        let access = Access {
            customer: "1".to_owned(),
            refresh_token: String::new(),
            login_customer_id: None,
            developer_token: Some("secret\n".to_owned()),
        };
        let error = headers(&access, "t").unwrap_err().to_string();
        assert_eq!(error, "developer-token holds characters that no http header may have");
    }
}
