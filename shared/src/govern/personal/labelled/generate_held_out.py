"""Writes held_out.txt: labelled texts from templates and a seed, the same at every run.

The templates were written before the finder was; `labelled.rs` says what was learned from them since.
Every value is reserved for examples: example.com/.org/.net (RFC 2606), 555-01xx (NANPA), the drama
numbers of Ofcom, Bundesnetzagentur and Arcep, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24
(RFC 5737), 2001:db8::/32 (RFC 3849), the test numbers of the card networks; or it is made up.
"""

import pathlib
import random

SEED = 20260301
TIMES = 5

FIRST = "ada grace alan linus margaret jose zoë jürgen łukasz chloé ken yuki maria tim".split()
LAST = "lovelace hopper turing o'neil müller garcía kowalski dupont tanaka smith-jones".split()
HOSTS = ["example.com", "example.org", "example.net", "mail.example.com", "kunden.shop.example.org",
         "bücher.example", "xn--bcher-kva.example", "eu-west.mail.example.net"]
CARDS = {
    16: "4242424242424242 4111111111111111 4012888888881881 5555555555554444 5105105105105100 "
        "2223003122003222 6011111111111117 3530111333300000 3566002020360505 6200000000000005".split(),
    15: "378282246310005 371449635398431".split(),
    14: "30569309025904 38520000023237".split(),
}


class Maker:
    """Makes values of each kind, marked; and numbers that are none."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def digits(self, count):
        return "".join(self.random.choice("0123456789") for _ in range(count))

    def hexadecimal(self, count):
        return "".join(self.random.choice("0123456789abcdef") for _ in range(count))

    def one(self, values):
        return self.random.choice(values)

    def email(self):
        local = self.one([
            "{f}.{l}", "{f}", "{f}{n}", "{f}_{l}", "{f}+{t}", "{f}.{l}+{t}", "{i}{l}", "{f}-{l}",
        ]).format(f=self.one(FIRST), l=self.one(LAST), n=self.random.randint(1, 99),
                  t=self.one(["shop", "news", "2026", "test-1"]), i=self.one("abcdefg"))
        if self.random.random() < 0.15:
            local = local.upper()
        return f"⟦email:{local}@{self.one(HOSTS)}⟧"

    def encoded_email(self):
        local = self.one(["ada", "grace.hopper", "alan%2Bshop", "j.doe", "z%C3%B6e"])
        return f"⟦email:{local}%40{self.one(HOSTS[:4])}⟧"

    def plain_email(self):
        return f"⟦email:{self.one(['ada', 'grace.hopper', 'alan+shop', 'j_doe'])}@{self.one(HOSTS[:4])}⟧"

    def us(self):
        area, line = self.one("202 303 415 212 617 312 808".split()), f"01{self.digits(2)}"
        shape = self.one(["({a}) 555-{l}", "{a}-555-{l}", "{a}.555.{l}", "{a} 555 {l}",
                          "1-{a}-555-{l}", "+1 {a} 555 {l}", "+1 ({a}) 555-{l}", "+1{a}555{l}"])
        return f"⟦phone:{shape.format(a=area, l=line)}⟧"

    def uk(self):
        d = self.digits(3)
        shape = self.one(["020 7946 0{d}", "07700 900{d}", "07700900{d}", "0161 496 0{d}",
                          "+44 20 7946 0{d}", "+44 7700 900{d}", "+44 (0)20 7946 0{d}",
                          "0044 7700 900{d}", "(020) 7946 0{d}", "0113 496 0{d}"])
        return f"⟦phone:{shape.format(d=d)}⟧"

    def de(self):
        d = self.digits(3)
        shape = self.one(["030 23125{d}", "030/23125{d}", "+49 30 23125{d}", "+49 (0)30 23125{d}",
                          "0049 30 23125{d}", "089-99998{d}", "0171/39200{e}", "0171 39200{e}",
                          "+4917139200{e}", "(0221) 4710-{d}", "040 66969-{d}", "+49-69-90009-{d}"])
        return f"⟦phone:{shape.format(d=d, e=d[:2])}⟧"

    def fr(self):
        a, b = self.digits(2), self.digits(2)
        shape = self.one(["01 99 00 {a} {b}", "06 39 98 {a} {b}", "+33 6 39 98 {a} {b}", "01.99.00.{a}.{b}",
                          "0033 1 99 00 {a} {b}", "06-39-98-{a}-{b}", "+33 (0)1 99 00 {a} {b}"])
        return f"⟦phone:{shape.format(a=a, b=b)}⟧"

    def es(self):
        a, b = self.digits(2), self.digits(2)
        shape = self.one(["+34 612 34 {a} {b}", "+34 91 123 {a} {b}", "612 34 {a} {b}", "0034 612 34 {a} {b}"])
        return f"⟦phone:{shape.format(a=a, b=b)}⟧"

    def pl(self):
        a, b = self.digits(2), self.digits(2)
        shape = self.one(["+48 601 234 5{a}", "+48 22 123 {a} {b}", "0048 601 234 5{a}", "+486012345{a}"])
        return f"⟦phone:{shape.format(a=a, b=b)}⟧"

    def jp(self):
        a = self.digits(4)
        shape = self.one(["03-1234-{a}", "090-1234-{a}", "+81 3-1234-{a}", "+81 90 1234 {a}", "080-5678-{a}"])
        return f"⟦phone:{shape.format(a=a)}⟧"

    def card(self):
        length = self.one([16, 16, 16, 16, 15, 14])
        number = self.one(CARDS[length])
        separator = self.one(["", " ", "-"])
        cuts = {16: [4, 8, 12], 15: [4, 10], 14: [4, 10]}[length]
        parts = [number[a:b] for a, b in zip([0, *cuts], [*cuts, length])]
        return f"⟦card:{separator.join(parts)}⟧"

    def ip(self):
        return f"⟦ip:{self.one(['192.0.2', '198.51.100', '203.0.113'])}.{self.random.randint(1, 254)}⟧"

    def ip6(self):
        address = self.one(["2001:db8::{a}", "2001:db8:{b}::{a}", "2001:0db8:85a3:0000:0000:8a2e:0370:{c}",
                            "2001:DB8:0:{b}::1", "2001:db8:a:b:c:d:e:{a}"])
        return f"⟦ip:{address.format(a=self.random.randint(1, 9), b=self.hexadecimal(3).replace('0', 'a'), c=self.digits(4))}⟧"

    def uuid(self):
        h = self.hexadecimal
        return f"{h(8)}-{h(4)}-4{h(3)}-a{h(3)}-{h(12)}"

    def ean(self):
        body = self.one(["400638", "501234", "761234", "301234", "590123", "978030"]) + self.digits(6)
        total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
        return body + str(-total % 10)

    def date(self):
        y, m, d = self.random.randint(2019, 2027), self.random.randint(1, 12), self.random.randint(1, 28)
        return self.one(["{y}-{m:02}-{d:02}", "{d:02}.{m:02}.{y}", "{d:02}/{m:02}/{y}", "{m}/{d}/{y}"]).format(y=y, m=m, d=d)

    def time(self):
        return f"{self.random.randint(0, 23):02}:{self.digits(1)}0:{self.random.randint(10, 59)}"

    def token(self):
        letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
        return "Cj0KCQ" + "".join(self.one(letters) for _ in range(40)) + "wE"

    def number(self):
        return str(self.random.randint(10_000, 9_999_999))


SOMETHING = """
Hi, please send the invoice to {email}, thanks!
My address is {email} and I never got the confirmation.
You can reach me at {us} after 5pm
Call me back on {uk} please, order is still missing
Bitte rufen Sie mich unter {de} zurück.
Meine E-Mail lautet {email}, die Nummer {de}.
Hallo, hier nochmal {email} - wann kommt das Paket?
Bonjour, mon numéro est le {fr}, merci de me rappeler
Écrivez-moi à {email} s'il vous plaît.
Mi teléfono es {es} y mi correo {email}
Llámame al {es} mañana por la tarde
Proszę o kontakt pod numerem {pl}
Mój e-mail to {email}, dziękuję.
電話番号は{jp}です。よろしくお願いします。
メールは{plain_email}までお願いします
連絡先：{jp}（平日のみ）
I paid with {card} and was charged twice
card no {card} exp 12/27
Meine Karte {card} wurde abgelehnt
La carte {card} ne passe pas
{{"email":"{plain_email}","plan":"pro"}}
{{"user":{{"phone":"{us}","id":4711}}}}
{{"ip":"{ip}","ok":true}}
{{"remote_addr":"{ip6}","status":200}}
https://shop.example/thanks?email={encoded_email}&order=1042
https://shop.example/unsubscribe?e={plain_email}&src=mail
/reset?user={encoded_email}
mailto:{plain_email}?subject=Hello
https://shop.example/login?next=%2Faccount&login={encoded_email}#top
{ip} - - [23/Nov/2026:10:30:00 +0000] "GET /cart HTTP/1.1" 200 512
client {ip}:51234 connected
x-forwarded-for: {ip}, {ip}
sshd[812]: Failed password for root from {ip} port 22 ssh2
peer [{ip6}]:443 closed
connect to {ip6} timed out
Ada L. <{plain_email}> wrote on Monday
1042,{plain_email},Berlin,19.99
17;{us};2026-11-23
name,phone\\tAda,{uk}
{email} {us}
order note: ring {uk} on arrival, leave with neighbour
Lieferhinweis: Klingel defekt, bitte {de} anrufen
Livraison: code 4512B, tél. {fr}
search: {plain_email}
Profile of {email} | Shop
Contact: {email} / {us}
from={plain_email} to={plain_email} subject=Re: order 20261123
user {plain_email} logged in from {ip}
Tel: {de}; Fax: {de}
tel:{us}
WhatsApp {pl} 📱
Ada Lovelace, 12 Example Street, London, {uk}
Unter den Linden 1, 10117 Berlin, Tel. {de}
the number on the account is {uk}, not the old one
pay with {card}, cvv 123
Forwarded by "{plain_email}"
(siehe {email})
Thx!! {email}!!
Danke,\\nJürgen\\n{de}
"""

NOTHING = """
Where is my order {number}? It was placed on {date}.
Bestellnummer {number}-{number}, bestellt am {date}
The total was 1,299.00 EUR, not 1.199,00 EUR
Commande {number} du {date}, 3 articles à 19,99 €
El pedido {number} llegó el {date} a las {time}
Zamówienie {number} z dnia {date}, kwota 1 234 567,89 zł
注文番号{number}、合計12,800円です
updated at {date} {time}
{date}T{time}Z INFO request took 1234567 ns
{date}T{time}+02:00 heartbeat ok 1732357800123
request_id={uuid} status=200
trace {uuid} span {hex16}
commit {hex40} by ci
sha256:{hex64}
etag "{hex32}"
EAN {ean}
GTIN: {ean} in stock
ISBN 978-0-306-40615-7
ISBN 0-306-40615-2, 2nd edition
SKU AB-{number}-XL red
sku_{number}_blue_42
Art.-Nr. {number}.12
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36
Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.1 Mobile/15E148
okhttp/4.12.0 Dalvik/2.1.0 (Linux; U; Android 14)
upgrade to v1.2.3.4 failed
version 10.2.3.14 is out
released 1.2.3 and 1.2.4 today
Firmware 2.10.0.7 installed
node 20.11.1, npm 10.2.4, react@18.2.0
https://shop.example/?gclid={token}
https://shop.example/p/{number}?fbclid=IwAR{token}
/products/{number}/reviews?page=2&sort=1
https://cdn.example/img/logo@2x.png
utm_source=google&utm_campaign={number}&utm_term=running+shoes+42
12345-6789 is the zip+4
Springfield, IL 62704-1234
52.520008, 13.404954
lat=48.8566&lon=2.3522
1920x1080 60Hz 27"
10:30:00 bis 12:15:30
open 09:00-17:30, closed 24-26.12.
00:1a:2b:3c:4d:5e joined
MAC 00-1A-2B-3C-4D-5F
@ada thanks for the tip!
follow us @example_shop
running shoes size 42
iphone 15 pro 256 gb
usb c cable 2m 100w
Samsung Galaxy S24 Ultra 512 GB
Konto 532013000 BLZ 37040044
account number 0012345678
Invoice 2026-{number} is due {date}
Rechnung RE-2026-{number} vom {date}
Ticket #{number} was merged into #{number}
std::fmt::Display is not implemented for a::b
10 000 000 views, +25 000 this week
I bought 2 for $19.99 and 3 for $24.50, total 113.48
file_20261123_103000_0001.csv
s3://landing/segment/2026/11/23/10/part-00001.json.gz
{{"id":{number},"total":1999,"currency":"EUR","ts":1732357800}}
{{"event":"Order Completed","revenue":129.95,"items":[101,102,103]}}
{number},{number},{date},19.99,EUR
""" 


def main():
    maker = Maker(SEED)
    lines = []
    makers = {name: getattr(maker, name) for name in
              "email encoded_email plain_email us uk de fr es pl jp card ip ip6 uuid ean date time token number".split()}
    makers |= {f"hex{n}": (lambda n=n: maker.hexadecimal(n)) for n in (16, 32, 40, 64)}

    class Fresh(dict):
        """A new value at every mention."""

        def __missing__(self, name):
            return makers[name]()

    for template in (SOMETHING + NOTHING).strip().splitlines():
        if not template:
            continue
        for _ in range(TIMES):
            if (line := template.format_map(Fresh())) not in lines:
                lines.append(line)
    maker.random.shuffle(lines)
    pathlib.Path(__file__).with_name("held_out.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
