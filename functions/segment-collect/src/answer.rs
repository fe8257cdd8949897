//! HTTP answers. The headers that let browsers read them are set here and nowhere else.

use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlResponse;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE,
    RETRY_AFTER,
};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// A browser asks whether it may.
pub fn preflight() -> LambdaFunctionUrlResponse {
    let mut response = with_status(204);
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, content-encoding, x-retry-count",
        ),
        // A day; browsers cap it lower.
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        set(&mut response, name, value);
    }
    response
}

/// Everything is on the inbox.
pub fn accepted() -> LambdaFunctionUrlResponse {
    with_body(200, &json!({"success": true}))
}

/// Nothing is, or not all.
pub fn refused(refusal: &Refusal) -> LambdaFunctionUrlResponse {
    let status = refusal.status();
    let body = json!({"success": false, "code": refusal.code(), "message": refusal.to_string()});
    let mut response = with_body(status, &body);
    if status == 405 {
        set(&mut response, ALLOW, "POST, OPTIONS");
    }
    if let Some(seconds) = refusal.retry_after() {
        response.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn with_body(status: u16, body: &Value) -> LambdaFunctionUrlResponse {
    let mut response = with_status(status);
    response.body = Some(body.to_string());
    set(&mut response, CONTENT_TYPE, "application/json");
    response
}

fn with_status(status: u16) -> LambdaFunctionUrlResponse {
    let mut response = LambdaFunctionUrlResponse::default();
    response.status_code = i64::from(status);
    set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(&mut response, ACCESS_CONTROL_EXPOSE_HEADERS, "retry-after");
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

fn set(response: &mut LambdaFunctionUrlResponse, name: HeaderName, value: &'static str) {
    response.headers.insert(name, HeaderValue::from_static(value));
}
