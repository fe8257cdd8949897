//! What Google says when it refuses, and what is to be done about it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// What is to be done about a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A person must sign in again: the access token is not accepted.
    SignIn,
    /// A person must give this user access to the customer, or enable the customer.
    GrantAccess,
    /// A quota is used up; ask again after the delay, if one is given.
    Wait {
        /// How long Google wants to be left alone.
        delay: Option<Duration>,
        /// Whether the quota is that of all customers together.
        of_everybody: bool,
    },
    /// The request itself is wrong: a field, a date, a version.
    MendRequest,
    /// Ask again: it may work.
    Retry,
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// Google's code: `quotaError.RESOURCE_EXHAUSTED`, or the status' name.
    pub code: String,
    /// Google's words.
    pub message: String,
    /// Google's id of the request, for its support.
    pub request_id: Option<String>,
    /// What is to be done.
    pub remedy: Remedy,
}

#[derive(Deserialize)]
struct Envelope {
    error: Status,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
    status: String,
    details: Vec<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct GoogleAdsFailure {
    errors: Vec<GoogleAdsError>,
    request_id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct GoogleAdsError {
    /// One member: the kind of error, and the error.
    error_code: serde_json::Map<String, Value>,
    message: String,
    details: ErrorDetails,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ErrorDetails {
    quota_error_details: Option<QuotaErrorDetails>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct QuotaErrorDetails {
    rate_scope: String,
    retry_delay: String,
}

impl Failure {
    /// The failure of an answer: its HTTP status and its body, an object or an array that holds one.
    pub fn of(status: u16, body: &[u8]) -> Self {
        let Some(error) = parse(body) else {
            return Self {
                status,
                code: format!("HTTP_{status}"),
                message: "the answer is no error of google's".to_owned(),
                request_id: None,
                remedy: remedy_of_status(status, ""),
            };
        };
        // An element of a stream brings its status itself.
        let status = if status >= 400 { status } else { error.code };
        let detail = error.details.iter().find_map(google_ads_failure);
        let fallback = remedy_of_status(status, &error.status);
        let Some(GoogleAdsFailure { errors, request_id }) = detail else {
            return Self {
                status,
                code: error.status,
                message: error.message,
                request_id: None,
                remedy: fallback,
            };
        };
        let Some(first) = errors.into_iter().next() else {
            return Self {
                status,
                code: error.status,
                message: error.message,
                request_id,
                remedy: fallback,
            };
        };
        let (kind, name) = code_of(&first);
        Self {
            status,
            remedy: remedy_of_code(&kind, &name, &first.details).unwrap_or(fallback),
            code: format!("{kind}.{name}"),
            message: first.message,
            request_id,
        }
    }
}

fn parse(body: &[u8]) -> Option<Status> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let element = match value {
        Value::Array(elements) => {
            elements.into_iter().find(|element| element.get("error").is_some())?
        }
        other => other,
    };
    serde_json::from_value::<Envelope>(element).ok().map(|envelope| envelope.error)
}

fn google_ads_failure(detail: &Value) -> Option<GoogleAdsFailure> {
    let is_failure = detail
        .get("@type")
        .and_then(Value::as_str)
        .is_some_and(|name| name.ends_with("GoogleAdsFailure"));
    // Some proxies drop the type; the list of errors tells as well.
    if !is_failure && detail.get("errors").is_none() {
        return None;
    }
    GoogleAdsFailure::deserialize(detail).ok()
}

fn code_of(error: &GoogleAdsError) -> (String, String) {
    let Some((kind, name)) = error.error_code.iter().next() else {
        return ("unknown".to_owned(), "UNKNOWN".to_owned());
    };
    (kind.clone(), name.as_str().unwrap_or("UNKNOWN").to_owned())
}

fn remedy_of_code(kind: &str, name: &str, details: &ErrorDetails) -> Option<Remedy> {
    match (kind, name) {
        ("quotaError", _) => {
            let quota = details.quota_error_details.as_ref();
            Some(Remedy::Wait {
                delay: quota.and_then(|quota| parse_delay(&quota.retry_delay)),
                of_everybody: quota.is_some_and(|quota| quota.rate_scope == "DEVELOPER"),
            })
        }
        // The customer of the request, not the person who signed in, is at fault.
        ("authenticationError", "CUSTOMER_NOT_FOUND" | "NOT_ADS_USER")
        | ("authorizationError", _) => Some(Remedy::GrantAccess),
        (
            "authenticationError",
            "CLIENT_CUSTOMER_ID_INVALID" | "CLIENT_CUSTOMER_ID_IS_REQUIRED",
        ) => Some(Remedy::MendRequest),
        ("authenticationError", _) => Some(Remedy::SignIn),
        ("internalError" | "databaseError", _) => Some(Remedy::Retry),
        ("queryError" | "requestError" | "dateError" | "dateRangeError" | "fieldError", _) => {
            Some(Remedy::MendRequest)
        }
        _ => None,
    }
}

fn remedy_of_status(status: u16, name: &str) -> Remedy {
    match (status, name) {
        (401, _) => Remedy::SignIn,
        (403, _) => Remedy::GrantAccess,
        (429, _) | (_, "RESOURCE_EXHAUSTED") => Remedy::Wait { delay: None, of_everybody: false },
        (408 | 409 | 500.., _) => Remedy::Retry,
        (400..=499, _) => Remedy::MendRequest,
        _ => Remedy::Retry,
    }
}

/// A duration as protobuf writes it in JSON: `40591s`, `1.5s`.
fn parse_delay(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    // A year is longer than any quota; what is no duration must not end in a panic.
    (0.0..31_536_000.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(code: u16, status: &str, error: &Value) -> Value {
        json!({"error": {"code": code, "message": "Request had errors.", "status": status, "details": [
            {"@type": "type.googleapis.com/google.ads.googleads.v24.errors.GoogleAdsFailure", "errors": [error], "requestId": "req-1"}
        ]}})
    }

    fn quota(delay: &str, scope: &str) -> Value {
        json!({"errorCode": {"quotaError": "RESOURCE_EXHAUSTED"}, "message": "Too many requests. Retry in 40591 seconds.",
            "details": {"quotaErrorDetails": {"rateScope": scope, "rateName": "Number of operations", "retryDelay": delay}}})
    }

    #[test]
    fn a_quota_says_how_long_and_whose_it_is() {
        let failure = Failure::of(
            429,
            body(429, "RESOURCE_EXHAUSTED", &quota("40591s", "DEVELOPER")).to_string().as_bytes(),
        );
        let delay = Some(Duration::from_secs(40_591));
        assert_eq!(failure.remedy, Remedy::Wait { delay, of_everybody: true });
        assert_eq!(failure.code, "quotaError.RESOURCE_EXHAUSTED");
        assert_eq!(failure.request_id.as_deref(), Some("req-1"));
    }

    #[test]
    fn an_array_around_it_changes_nothing() {
        let inner = body(429, "RESOURCE_EXHAUSTED", &quota("0.5s", "ACCOUNT"));
        let plain = Failure::of(429, inner.to_string().as_bytes());
        assert_eq!(Failure::of(429, json!([inner]).to_string().as_bytes()), plain);
        // As an element of a stream it comes under status 200.
        assert_eq!(Failure::of(200, inner.to_string().as_bytes()), plain);
    }

    #[test]
    fn each_error_has_its_remedy() {
        for (kind, name, status, code, remedy) in [
            (
                "authorizationError",
                "USER_PERMISSION_DENIED",
                403,
                "PERMISSION_DENIED",
                Remedy::GrantAccess,
            ),
            (
                "authorizationError",
                "CUSTOMER_NOT_ENABLED",
                403,
                "PERMISSION_DENIED",
                Remedy::GrantAccess,
            ),
            ("authenticationError", "OAUTH_TOKEN_REVOKED", 401, "UNAUTHENTICATED", Remedy::SignIn),
            ("authenticationError", "NOT_ADS_USER", 401, "UNAUTHENTICATED", Remedy::GrantAccess),
            ("queryError", "UNRECOGNIZED_FIELD", 400, "INVALID_ARGUMENT", Remedy::MendRequest),
            ("requestError", "UNSUPPORTED_VERSION", 400, "INVALID_ARGUMENT", Remedy::MendRequest),
            ("internalError", "INTERNAL_ERROR", 500, "INTERNAL", Remedy::Retry),
            ("unheardOfError", "NEW", 400, "INVALID_ARGUMENT", Remedy::MendRequest),
            ("unheardOfError", "NEW", 503, "UNAVAILABLE", Remedy::Retry),
        ] {
            let error = json!({"errorCode": {kind: name}, "message": "m"});
            let failure = Failure::of(status, body(status, code, &error).to_string().as_bytes());
            assert_eq!(failure.remedy, remedy, "{kind}.{name}");
        }
    }

    #[test]
    fn what_is_no_json_is_judged_by_its_status() {
        assert_eq!(Failure::of(502, b"<html>").remedy, Remedy::Retry);
        assert_eq!(Failure::of(404, b"").remedy, Remedy::MendRequest);
        assert_eq!(Failure::of(401, b"[]").remedy, Remedy::SignIn);
        assert_eq!(parse_delay("-1s"), None);
        assert_eq!(parse_delay("1e300s"), None);
        assert_eq!(parse_delay("NaNs"), None);
        assert_eq!(parse_delay("5"), None);
    }
}
