"""Sends messages through Segment's own Python library, as an application does.

    segment_client.py <url> <write key> <token> <times>

Each of the six calls is made so many times, with message ids `<token>/python/<type>/<number>` and the token as locale. Ends
with 1 if the library says that anything was not delivered.
"""

import sys

from segment.analytics.client import Client


def main(url: str, write_key: str, token: str, times: int) -> int:
    failed = []
    client = Client(
        write_key,
        # The library appends /v1/batch.
        host=url.rstrip("/"),
        on_error=lambda error, batch: failed.append(error),
        max_queue_size=10 * times,
        max_retries=3,
    )
    for number in range(times):
        send(client, token, number)
    client.shutdown()
    for error in failed:
        print(f"segment's python library: {error}", file=sys.stderr)
    return 1 if failed else 0


def send(client: Client, token: str, number: int) -> None:
    user, context = f"user-{number}", {"locale": token, "ip": "192.0.2.7"}

    def about(kind: str) -> dict:
        return {"context": context, "message_id": f"{token}/python/{kind}/{number}"}

    client.track(user, "Test Event", {"number": number, "ünïcode": "größer\n日本"}, **about("track"))
    client.page(user, "Docs", "Home", {"url": "https://example.com/?gclid=abc"}, **about("page"))
    client.screen(user, "App", "Start", {}, **about("screen"))
    client.identify(user, {"email": f"user-{number}@example.com", "plan": "free"}, **about("identify"))
    client.group(user, "group-1", {"name": "Example"}, **about("group"))
    client.alias(f"anonymous-{number}", user, **about("alias"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
