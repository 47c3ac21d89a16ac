"""Which test tries which attack, at the edge and straight at the service: `python -m tests.attack_table` prints it."""

import ast
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
DOORS = frozenset({"door", "base", "browser"})
"""A test with one of these fixtures or parameters runs once at the edge and once straight at the service."""
TOKENS, GRANTS = "integration/identity/test_token_attacks.py", "integration/identity/test_grant_attacks.py"
CLIENTS, EXCHANGE = "integration/identity/test_client_attacks.py", "integration/identity/test_exchange_attacks.py"
HTTP = "e2e/test_attacks_edge.py"
SLOW = "integration/funchost/test_slow_clients.py::test_what_comes_slowly_is_given_up_on_though_it_comes"
EDGE = "integration/edge/test_senders.py"
FORGED = f"{TOKENS}::test_no_forged_token_passes"
AT_ONCE = f"{GRANTS}::test_of_requests_at_once_with_one_handle_one_is_answered_and_its_session_ends"


@dataclass(frozen=True)
class Attack:
    """One row: the tests at both doors; where a row takes two tests, the edge's and the service's own.

    `variants` are those of the test's variants that are about this row, where it has more.
    """

    name: str
    both: tuple[str, ...] = ()
    edge: str | None = None
    service: str | None = None
    variants: tuple[str, ...] = ()


ATTACKS = (
    Attack(
        "alg none",
        (FORGED,),
        variants=("alg none", "alg None, in another case", "no alg", "no signature", "two parts", "alg twice"),
    ),
    Attack(
        "HS256 signed with the public key",
        (FORGED,),
        variants=(
            "HS256 with the public key in PEM",
            "HS256 with the public key as JWK",
            "HS256 with the public modulus",
            "HS256 with nothing",
        ),
    ),
    Attack(
        "unknown and duplicated kid",
        (FORGED,),
        variants=(
            "unknown kid",
            "kid that is a path",
            "kid twice, the known one last",
            "kid twice, well signed",
            "another key under a known kid",
            "ES256 under an RSA kid",
        ),
    ),
    Attack(
        "jku, x5u, jwk in the header",
        (FORGED, f"{TOKENS}::test_the_attackers_keys_were_never_asked_for"),
        variants=(
            "jku to the attacker's keys",
            "x5u to the attacker's certificate",
            "jwk in the header",
            "jwk in the header, without kid",
        ),
    ),
    Attack(
        "wrong iss, aud, tid",
        (FORGED,),
        variants=(
            "wrong iss",
            "iss with a slash more",
            "no iss",
            "wrong aud",
            "aud that only begins right",
            "no aud",
            "no tid",
            "tid that is no text",
            "empty tid",
            "tid changed in a signed token",
        ),
    ),
    Attack("expired", (FORGED,), variants=("expired a minute ago", "no exp", "exp that is no number")),
    Attack("not yet valid", (FORGED,), variants=("not yet valid",)),
    Attack("5 minutes of clock skew", (FORGED,), variants=("a clock 5 minutes ahead", "a clock 5 minutes behind")),
    Attack(
        "replayed jti and assertion",
        (
            f"{CLIENTS}::test_a_replayed_assertion_is_refused",
            f"{CLIENTS}::test_a_used_jti_in_a_new_assertion_is_refused",
        ),
    ),
    Attack("code reuse", (f"{GRANTS}::test_a_code_is_good_once_and_its_reuse_ends_what_came_of_it", AT_ONCE)),
    Attack("PKCE mismatch", (f"{GRANTS}::test_a_wrong_verifier_is_refused_and_burns_the_code",)),
    Attack("PKCE downgrade", (f"{GRANTS}::test_pkce_can_not_be_left_out_or_weakened",)),
    Attack("redirect URI variants", (f"{GRANTS}::test_no_variant_of_a_redirect_uri_is_taken_or_redirected_to",)),
    Attack("refresh reuse", (f"{GRANTS}::test_a_reused_refresh_token_ends_the_whole_family", AT_ONCE)),
    Attack(
        "scope escalation in exchange",
        (
            f"{EXCHANGE}::test_an_exchange_never_adds_a_scope_to_a_platform_token",
            f"{EXCHANGE}::test_an_exchange_never_gives_an_entra_user_more_than_the_roles_or_the_client_may",
        ),
    ),
    Attack(
        "cross-tenant ids",
        (
            f"{TOKENS}::test_no_header_makes_a_caller_another_tenant",
            f"{TOKENS}::test_no_id_of_another_tenant_leads_anywhere",
            "e2e/test_other_tenants.py::test_no_id_of_another_tenant_leads_anywhere_in_any_service",
        ),
    ),
    Attack(
        "x-platform-* from outside",
        (f"{HTTP}::test_headers_by_which_the_edge_speaks_to_services_move_nobody",),
    ),
    Attack("duplicated Authorization", (f"{HTTP}::test_two_authorization_headers_are_refused",)),
    Attack(
        "CL/TE smuggling",
        (f"{HTTP}::test_a_request_that_ends_twice_is_refused_and_its_rest_is_no_second_request",),
    ),
    Attack("path tricks", (f"{HTTP}::test_no_path_leads_past_the_token",)),
    Attack("oversized token", (FORGED,), variants=("a token of 60,000 characters",)),
    Attack(
        "oversized and strange client ids and assertions",
        (f"{CLIENTS}::test_whatever_stands_in_place_of_a_client_is_refused_as_one",),
        variants=(
            "an id of 12,000 characters",
            "an id with a NUL",
            "claims nested 8,000 deep",
            "half a surrogate pair as issuer",
        ),
    ),
    Attack("oversized headers", (f"{HTTP}::test_headers_that_are_too_large_are_refused",)),
    Attack("oversized path", (f"{HTTP}::test_a_path_that_is_too_long_is_refused",)),
    Attack("oversized body", (f"{HTTP}::test_a_body_that_is_too_large_is_refused",)),
    Attack(
        "slow headers",
        edge=f"{EDGE}::test_headers_that_come_slowly_are_given_up_on",
        service=SLOW,
    ),
    Attack(
        "slow body",
        edge=f"{EDGE}::test_a_body_that_comes_slowly_is_given_up_on_and_no_service_hears_of_it",
        service=SLOW,
    ),
)


def parameters(test: str) -> frozenset[str] | None:
    """The parameters of a test function (`file::name` below tests/); None when there is no such test."""
    file, _, name = test.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return frozenset(argument.arg for argument in node.args.args)
    return None


def variants(test: str) -> frozenset[str]:
    """The texts in a test's file that are keys of a dict: the names of its variants."""
    tree = ast.parse((TESTS / test.partition("::")[0]).read_text(encoding="utf-8"))
    keys = [key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys]
    return frozenset(str(key.value) for key in keys if isinstance(key, ast.Constant))


if __name__ == "__main__":
    for attack in ATTACKS:
        print(f"{attack.name:36}", *(f"both: {test}" for test in attack.both), end=" ")
        print(*(f"{door}: {test}" for door, test in (("edge", attack.edge), ("service", attack.service)) if test))
        print(*(f"{'':36} {variant}\n" for variant in attack.variants), sep="", end="")
