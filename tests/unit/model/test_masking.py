from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.model.masking_table import ORDINARY, SECRET

from whet.model.masking import MASK, is_random, mask_argv, mask_text

AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["x.py", "--token=abc"], ("x.py", "--token=***")),
        (["--token", "abc", "in.txt"], ("--token", "***", "in.txt")),
        (["--password", "hunter2"], ("--password", "***")),
        (["--password", "--verbose"], ("--password", "--verbose")),
        (["--db-password=hunter2", "-v"], ("--db-password=***", "-v")),
        (["--apiKey=abc"], ("--apiKey=***",)),
        (["--api-key", "abc"], ("--api-key", "***")),
        (["API_TOKEN=abc"], ("API_TOKEN=***",)),
        (["-u", "me:hunter2"], ("-u", "me:***")),
        (["https://user:pass@host/path?q=1"], ("https://user:***@host/path?q=1",)),
        (["postgres://u:p@ss@host/db"], ("postgres://u:***@host/db",)),
        (["postgres://u:p/w@host/db"], ("postgres://u:***@host/db",)),
        (["https://host/x?token=abc&page=2"], ("https://host/x?token=***&page=2",)),
        (["-H", "Authorization: Bearer abcdef123456"], ("-H", "Authorization: Bearer ***")),
        (["X-Api-Key: abc"], ("X-Api-Key: ***",)),
        (["host=db password=hunter2 user=me"], ("host=db password=*** user=me",)),
        (['{"password": "hunter2", "user": "me"}'], ('{"password": "***", "user": "me"}',)),
        (["-c", "login(password='hunter2'); print(1)"], ("-c", "login(password='***'); print(1)")),
    ],
)
def test_a_secret_with_a_name_is_masked_and_its_surroundings_stay(words, shown):
    assert mask_argv(words) == shown


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv",
        "sk-proj-abcDEF123456ghiJKL789012",
        "xoxb-123456789012-abcdefGHIJKL",
        "glpat-abcdefghij0123456789",
        "AIzaSyA1234567890abcdefghijklmnopqrstuvw",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "0123456789abcdef0123456789abcdef01234567",
        AWS_SECRET,
        "hf_abcdefghijklmnopQRSTUV",
        "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",
    ],
)
def test_a_secret_is_known_by_its_form_wherever_it_stands(secret):
    for word in (secret, f"--key={secret}", f"value {secret} more", f"print('{secret}')"):
        assert secret not in mask_text(word)
        assert MASK in mask_text(word)


@pytest.mark.parametrize(
    "words",
    [
        ["orders.py", "--days", "30", "data/2024-01-01/orders.csv"],
        ["--max-tokens", "100", "--tokenizer", "bert-base-uncased"],
        ["--password-file", "/run/secrets/db", "--no-password", "x"],
        ["--sort-key", "name", "--key=size"],
        ["-m", "pytest", "-k", "test_that_tokens_are_counted_and_something_more"],
        ["https://example.org:8080/@scope/package", "ssh://git@example.org/repo.git"],
        ["--id", "123e4567-e89b-12d3-a456-426614174000"],
        ["src/package/subpackage/module_with_a_long_name.py::TestClass::test_method_2"],
        ["/home/someone/Projects/Data2023/Results/FinalSummary_v2/Table1.csv"],
        ["12345678901234567890123456789012345678901234567890"],
        ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
        ["--auth", "basic", "--date=2024-11-20T10:11:12+00:00"],
        ["-c", "for key in tokens: print(key == 3)"],
        ["tests/unit/test_x.py", "--config=setup.cfg", "--seed", "42", "--ratio=0.25"],
        ["--credentials", "service.json"],
    ],
)
def test_ordinary_words_stay_readable(words):
    assert mask_argv(words) == tuple(words)


def test_of_150_command_lines_the_ordinary_stay_and_the_secrets_do_not_show():
    assert len(ORDINARY) == len(SECRET) == 75
    assert [words for words in ORDINARY if mask_argv(words) != tuple(words)] == []
    shown = [words for words, secret in SECRET if secret in " ".join(mask_argv(words))]
    assert len(shown) <= 0.03 * len(SECRET), shown


def test_what_exists_stays_whatever_it_looks_like():
    blob, hidden = "k3Jq9ZxT5vLm2Kz8RbW7cY", "/run/k3Jq9ZxT5vLm2Kz8RbW7cY"
    exists = {blob, hidden, "admin", "./jar.txt"}.__contains__
    assert mask_argv([blob, f"--out={hidden}", "--token", hidden], is_path=exists) == (
        blob,
        f"--out={hidden}",
        "--token",
        hidden,
    )
    assert mask_argv(["--cookie", "./jar.txt"], is_path=exists) == ("--cookie", "./jar.txt")
    assert mask_argv([blob]) == (MASK,)


def test_a_password_that_a_folder_happens_to_be_called_is_masked():
    assert mask_argv(["--password", "admin"], is_path=lambda word: word == "admin") == ("--password", MASK)
    assert mask_argv(["--password=admin"], is_path=lambda word: word == "admin") == (f"--password={MASK}",)


def test_the_name_of_the_program_stays():
    name = "k3Jq9ZxT5vLm2Kz8RbW7cY"
    assert mask_argv([name, name + "x"], program=name) == (name, MASK)


def test_random_base64_is_told_from_words():
    source = random.Random(3)
    alphabet = string.ascii_letters + string.digits + "+/"
    drawn = ["".join(source.choices(alphabet, k=40)) for _ in range(500)]
    assert sum(map(is_random, drawn)) >= 495
    assert not is_random("CamelCaseNamesOfClassesAreNotSecrets2")
    assert not is_random("")


@given(st.lists(st.text()))
def test_no_word_is_added_or_lost_whatever_comes(words):
    assert len(mask_argv(words)) == len(words)


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=3))
def test_the_value_of_a_password_option_never_shows(value):
    assert mask_argv(["--password", f"{value}!x"]) == ("--password", MASK)
    assert mask_argv([f"--password={value}!x"]) == (f"--password={MASK}",)


def test_masking_twice_changes_nothing():
    words = ("--token=abc", "https://u:p@h", "Authorization: Bearer abc12345", AWS_SECRET, "API_KEY=x")
    assert mask_argv(mask_argv(words)) == mask_argv(words)
