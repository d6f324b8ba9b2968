"""TLS in front of `cargo run`, which has none: the page's issuer is an https URL."""

import datetime
import ssl
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Front:
    """Passes each GET on to `behind`, which is set when the server is there. `certificate` is the file to trust."""

    behind = None

    def __init__(self, folder):
        self.certificate = folder / "certificate.pem"
        key_and_certificate = folder / "key.pem"
        make_certificate(self.certificate, key_and_certificate)
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    reply = urllib.request.urlopen(front.behind + self.path, timeout=30)
                except urllib.error.HTTPError as error:
                    reply = error
                with reply:
                    body = reply.read()
                self.send_response(reply.status)
                for name in ["Content-Type", "Cache-Control"]:
                    self.send_header(name, reply.headers[name])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(key_and_certificate)
        # The handshake is made by the thread of the connection, so that a client that breaks it off stops no other.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def make_certificate(certificate, key_and_certificate):
    """A certificate for localhost, signed by itself, for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate.write_bytes(pem)
    key_and_certificate.write_bytes(private + pem)
