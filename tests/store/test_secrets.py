import pytest

from modelrun.store.redact import HIDDEN, environment_secrets, is_secret_name, redact, redact_uri


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://ada:pa55@host/x.csv", f"https://{HIDDEN}@host/x.csv"),
        ("s3://AKIA:wJalr@bucket/x", f"s3://{HIDDEN}@bucket/x"),
        ("abfs://container@account/x", "abfs://container@account/x"),
        ("https://h/x?sig=abc&n=1", f"https://h/x?sig={HIDDEN}&n=1"),
        (
            "https://h/x?a=1&X-Amz-Signature=ff00#top",
            f"https://h/x?a=1&X-Amz-Signature={HIDDEN}#top",
        ),
        ("https://h/x?X-Amz-Credential=AK%2F1", f"https://h/x?X-Amz-Credential={HIDDEN}"),
        ("s3://bucket/plain/path.parquet", "s3://bucket/plain/path.parquet"),
        ("excess ~ mkt + np.log(smb)", "excess ~ mkt + np.log(smb)"),
    ],
)
def test_addresses_are_shown_without_their_secrets(uri, shown) -> None:
    assert redact_uri(uri) == shown


@pytest.mark.parametrize(
    "name",
    ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "password", "PGPASSWORD",
     "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_SAS_TOKEN", "apiKey", "API_KEY",
     "AZURE_STORAGE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "private_key", "sas"],
)  # fmt: skip
def test_names_of_secrets_are_known(name) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["credentialsSecretName", "key", "fit_key", "keywords", "disaster", "monkey", "estimator"],
)
def test_other_names_are_not(name) -> None:
    assert not is_secret_name(name)


def test_a_document_is_written_without_secrets_wherever_they_are() -> None:
    environment = {
        "PATH": "/usr/bin",
        "DB": "hunter2-hunter2",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtn",
    }
    secrets = environment_secrets(environment, frozenset({"DB"}))
    assert secrets == {"hunter2-hunter2", "wJalrXUtn"}
    document = {
        "data": {"uri": "https://u:p@h/x", "credentialsSecretName": "s3-reader"},
        "models": [{"kwargs": {"dsn": "host=h password=hunter2-hunter2", "token": "t0k"}}],
        "fits": {"total": 3},
    }
    assert redact(document, secrets) == {
        "data": {"uri": f"https://{HIDDEN}@h/x", "credentialsSecretName": "s3-reader"},
        "models": [{"kwargs": {"dsn": f"host=h password={HIDDEN}", "token": HIDDEN}}],
        "fits": {"total": 3},
    }
