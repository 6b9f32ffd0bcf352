"""Certificates for the checks of the web configuration, made by openssl."""

import subprocess

P256 = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
P521 = ("ec", "-pkeyopt", "ec_paramgen_curve:P-521")
RSA = ("rsa:2048",)


def _openssl(directory, *words):
    subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)


def _authority(directory, name):
    _openssl(directory, "req", "-x509", "-nodes", "-newkey", *P256, "-days", "2",
             "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")


def _signed(directory, name, kind, alternative, authority="ca"):
    """NAME.key and NAME.crt, for these subject alternative names."""
    _openssl(directory, "req", "-nodes", "-newkey", *kind, "-subj", f"/CN={name}",
             "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (directory / f"{name}.ext").write_text(
        f"basicConstraints=CA:FALSE\nsubjectAltName={alternative}\n")
    _openssl(directory, "x509", "-req", "-days", "2", "-in", f"{name}.csr",
             "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial",
             "-extfile", f"{name}.ext", "-out", f"{name}.crt")


def lay_out(directory):
    """Every file that those of tests/data/web-config name, and clients: `client`, whom the
    authority signed, `unnamed`, whom it signed for another name, and `stranger`."""
    (directory / "sub").mkdir(parents=True)
    _authority(directory, "ca")
    _authority(directory, "others")
    here = "DNS:localhost,IP:127.0.0.1"
    for name, kind in (("server", P256), ("other", P256), ("rsa", RSA), ("p521", P521)):
        _signed(directory, name, kind, here)
    _signed(directory, "client", P256, "DNS:scraper.example")
    _signed(directory, "unnamed", P256, "DNS:another.example")
    _signed(directory, "stranger", P256, "DNS:scraper.example", authority="others")
    # Signed by nobody but itself.
    _authority(directory, "lonely")
    text = {path.name: path.read_text() for path in directory.glob("*.*") if path.is_file()}
    (directory / "both.pem").write_text(text["server.key"] + text["server.crt"])
    (directory / "chain.pem").write_text(text["server.crt"] + text["ca.crt"])
    (directory / "sub" / "server.crt").write_text(text["server.crt"])
    (directory / "damaged.crt").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    return directory
