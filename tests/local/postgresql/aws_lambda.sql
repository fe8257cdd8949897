-- Stands in for the extensions aws_commons and aws_lambda of RDS where there is no RDS: the same functions, which really call
-- the Lambda API at the endpoint of the setting tributary_test.endpoint. For tests; needs plpython3u.
create extension if not exists plpython3u;
create schema aws_commons;
create schema aws_lambda;

create type aws_commons._lambda_function_arn_1 as (function_name text, region text);

create function aws_commons.create_lambda_function_arn(function_name text, region text default null)
  returns aws_commons._lambda_function_arn_1 language sql as $$ select ($1, $2)::aws_commons._lambda_function_arn_1 $$;

create function aws_lambda.invoke(
  function_name text, payload json, region text default null, invocation_type text default 'RequestResponse',
  log_type text default 'None', context json default null, qualifier varchar(128) default null,
  out status_code int, out payload json, out executed_version text, out log_result text)
language plpython3u as $$
import datetime, hashlib, hmac, urllib.error, urllib.parse, urllib.request

def setting(name):
    return plpy.execute("select current_setting('tributary_test.%s') as value" % name)[0]["value"]

endpoint, key, secret = setting("endpoint"), setting("access_key"), setting("secret_key")
place = region or setting("region")
body = args[1].encode()
path = "/2015-03-31/functions/%s/invocations" % urllib.parse.quote(function_name, safe="")
host = urllib.parse.urlparse(endpoint).netloc
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
scope = "/".join((now[:8], place, "lambda", "aws4_request"))
headers = {"host": host, "x-amz-date": now, "x-amz-invocation-type": invocation_type}
names = ";".join(sorted(headers))
request_text = "\n".join([
    # Every segment of a path is quoted once more in what is signed.
    "POST", urllib.parse.quote(path), "", *("%s:%s" % (name, headers[name]) for name in sorted(headers)), "", names,
    hashlib.sha256(body).hexdigest()])
text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request_text.encode()).hexdigest()])
signing_key = ("AWS4" + secret).encode()
for part in scope.split("/"):
    signing_key = hmac.new(signing_key, part.encode(), hashlib.sha256).digest()
signature = hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()
headers["authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (key, scope, names, signature)
try:
    # The real extension waits a second for a connection and three for an answer.
    with urllib.request.urlopen(urllib.request.Request(endpoint + path, body, headers, method="POST"), timeout=30) as answer:
        return answer.status, answer.read().decode() or None, answer.headers.get("X-Amz-Executed-Version"), None
except urllib.error.HTTPError as error:
    plpy.error("invoke API failed: %s %s" % (error.code, error.read().decode()[:300]))
except OSError as error:
    plpy.error("invoke API failed: %s" % error)
$$;
