from django.contrib.auth import get_user_model
from django.test import Client, TestCase

# JSON, as it is sent, that is no text, no amount and no id.
HOSTILE = [
    "1e999", "-1e999", "NaN", "1" * 23, "9" * 5_000, "-1", "1.5", "true", "null", "{}", "[]", "[1]", '""', '" "',
    '"%s"' % ("9" * 5_000), '"\\u0000"', '"\\ud800"', "[" * 50_000 + "]" * 50_000,
]
# Good texts that are no ids.
TEXTS = ['"1e999"', '"%s"' % ("1" * 23), '"\\u0661"']
# What stands in an address.
IDS = ["1" * 23, "9" * 5_000, "1e999", "-1", "0x1", "%00", "%D9%A1", "%ED%A0%80", "NaN", "%20", "1.5"]
GOOD = {"fromAccountId": '"1"', "amount": "100", "to": '"Corner Bakery"'}


class Input(TestCase):
    """Whatever a request holds, it is answered, and a mistake is the sender's."""

    def setUp(self):
        self.client = Client(raise_request_exception=False)
        self.client.force_login(get_user_model().objects.get(username="ann"))

    def assert_refused(self, answer):
        self.assertIn(answer.status_code, range(400, 500))
        self.assertIsInstance(answer.json()["error"], str)

    def send(self, path, fields):
        body = "{%s}" % ", ".join(f'"{name}": {value}' for name, value in fields.items())
        return self.client.post(path, body, content_type="application/json")

    def test_what_is_good_is_taken(self):
        self.assertEqual(self.send("/api/payments", GOOD).status_code, 200)
        self.assertEqual(self.send("/api/payments", {**GOOD, "fromAccountId": "1"}).status_code, 200)

    def test_no_field_of_a_payment_breaks_it(self):
        for name in GOOD:
            for value in HOSTILE if name == "to" else [*HOSTILE, *TEXTS]:
                with self.subTest(name=name, value=value[:40]):
                    self.assert_refused(self.send("/api/payments", {**GOOD, name: value}))

    def test_no_name_breaks_the_sign_in(self):
        for value in HOSTILE:
            with self.subTest(value=value[:40]):
                self.assert_refused(self.send("/api/session", {"name": value}))

    def test_no_body_breaks_it(self):
        for path in ("/api/payments", "/api/session"):
            for body in [*HOSTILE, "", "{", b"\xff\xfe"]:
                with self.subTest(path=path, body=body[:40]):
                    self.assert_refused(self.client.post(path, body, content_type="application/json"))

    def test_no_id_in_an_address_breaks_it(self):
        for value in IDS:
            with self.subTest(value=value[:40]):
                self.assert_refused(self.client.get(f"/api/accounts/{value}/balance"))
                self.assert_refused(self.client.get(f"/api/transactions?accountId={value}"))
