"""The verifier: what the gate and the proof refuse, what a judge may decide, and what is left when sentences go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.quotes import find, refusal, settled
from agents.steps import Limits
from agents.strike import strike
from agents.verifier import (
    Judgement,
    Opinion,
    Submission,
    ask_refused,
    check,
    doubts,
    judged,
)  # fmt: skip
from tasks.case import Case, Claim, Draft, Question, Quote, Sentence, Verdict
from tests.agents.bench import ACCESS, PRICE, Bench, draft, drafted, passage, path_of, said
from tests.agents.scripted import Scripted

PLANS = """# Plans

The **Pro plan** costs $49 per seat per month — it’s billed yearly.

| Plan | Monthly price | Seats |
|---|---|---|
| Pro | $49 | 1,249 |
| Team | $59 | 50 |

1. Open the [login page](https://app.example/login).
2. Run `kubectl get pods`.

```bash
kubectl delete pod web-1 --now
```
"""


def quoted(text: str, *quotes: str, kind: Any = "prose", question: int = 0) -> Sentence:
    return Sentence(text=text, kind=kind, question=question, quotes=[Quote(n=1, text=quote) for quote in quotes])


def refused(sentence: Sentence, page: str = PLANS, ticket: str = "") -> str:
    given_ = [passage(1, page)]
    return refusal(settled(Draft(sentences=[sentence]), given_, 1).sentences[0], {1: given_[0]}, ticket)


# --- quotes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "verbatim"),
    [
        ("The Pro plan costs $49 per seat per month - it's billed yearly.",
         "The **Pro plan** costs $49 per seat per month — it’s billed yearly."),
        ("“The Pro plan  costs\n$49 per seat per month”", "The **Pro plan** costs $49 per seat per month"),
        ("The Pro plan costs $49.", "The **Pro plan** costs $49 per seat per month"),
        ("1. Open the login page.", "Open the [login page](https://app.example/login)."),
        ("| Pro | $49 | 1,249 |", "| Pro | $49 | 1,249 |"),
        ("kubectl delete pod web-1", "kubectl delete pod web-1 --now"),
    ],
)  # fmt: skip
def test_a_quote_as_a_reader_sees_it_is_replaced_by_the_passages_own_words(quote: str, verbatim: str) -> None:
    [sentence] = settled(Draft(sentences=[quoted("Text.", quote)]), [passage(1, PLANS)], 1).sentences
    assert sentence.quotes[0].text == verbatim
    assert verbatim in PLANS


@pytest.mark.parametrize(
    "quote",
    [
        "the Pro plan costs",
        "$5",
        "249",
        "9 per seat per month",
        "lan costs $49 per seat",
        "The Pro plan ... yearly",
        "",
        "…",
    ],
)
def test_other_words_and_pieces_of_words_or_figures_are_no_quote(quote: str) -> None:
    assert find(quote, PLANS) is None
    assert refused(quoted("The Pro plan costs $49.", quote)).startswith("absent: the quoted words")


@pytest.mark.parametrize("quote", ["$49", "1,249", "is $49", "$59 | 50"])
def test_a_bare_figure_is_no_quote_since_it_does_not_say_whose_it_is(quote: str) -> None:
    assert "do not say what they are about" in refused(quoted("It is $49.", quote), PLANS + "\nThe price is $49 now.\n")


@pytest.mark.parametrize(
    "quote", ["Pro | $49", "Team | $59 | 50", "The Pro plan costs $49", "kubectl delete pod web-1 --now"]
)
def test_a_quote_with_what_its_figure_belongs_to_is_one(quote: str) -> None:
    assert refused(quoted("It is so.", quote)) == ""


@given(st.text(max_size=80), st.text(max_size=200))
def test_what_is_found_stands_in_the_text(quote: str, text: str) -> None:
    span = find(quote, text)
    assert span is None or 0 <= span.start < span.end <= len(text)


@given(st.integers(0, 300), st.integers(1, 120))
def test_a_found_quote_is_found_again_as_it_was_put_down(start: int, length: int) -> None:
    span = find(PLANS[start : start + length], PLANS)
    if span:
        again = find(PLANS[span.start : span.end], PLANS)
        assert again is not None
        assert PLANS[again.start : again.end] == PLANS[span.start : span.end]


# --- the gate ----------------------------------------------------------------------------------------


def test_a_figure_that_no_quote_has_is_refused_with_what_is_there() -> None:
    reason = refused(quoted("The Pro plan costs $39 per seat per month.", "The Pro plan costs $49 per seat per month"))
    assert "$39 per seat per month is in none of the words you quoted" in reason
    assert "the passage [1] you cite has $49 per seat per month there: use it" in reason


def test_a_figure_of_the_passage_that_is_not_quoted_is_refused() -> None:
    assert "[1] has it elsewhere" in refused(
        quoted("The Pro plan costs $59.", "The Pro plan costs $49 per seat per month")
    )


def test_title_and_headings_state_what_stands_below_them_and_a_table_its_units() -> None:
    pages = {
        1: passage(1, "Refunds are paid out.\n\n| Plan | Limit (days) |\n|---|---|\n| Trial | 5 |", title="Policy 2026")
    }
    assert refusal(quoted("In 2026 refunds are paid out.", "Refunds are paid out."), pages, "") == ""
    assert refusal(quoted("Trial: 5 days", "| Trial | 5 |"), pages, "") == ""
    assert refusal(quoted("Trial: 6 days", "| Trial | 5 |"), pages, "") != ""


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (quoted("The Pro plan costs $49."), "no citation: it quotes no passage"),
        (Sentence(text="x", quotes=[Quote(n=7, text="x")]), "no citation: there is no passage [7], only [1]"),
        (quoted("You were promised $49.", "I was promised a seat for $49"), "no citation: the quoted words"),
        (quoted("I was promised a seat.", "The Pro plan costs $49 per seat"), "no citation: it repeats the ticket"),
        (quoted("We will bill it yearly.", "it’s billed yearly"), 'absent: "we will" is a promise'),
        (quoted("It is [billed](//evil) yearly.", "it’s billed yearly"), "absent: the link or tag [billed](//evil)"),
        (quoted("Billed <img src=x> yearly.", "it’s billed yearly"), "absent: the link or tag <img src=x>"),
        (quoted("kubectl delete pod web-1", "kubectl delete pod web-1 --now", kind="code"), "absent: kubectl delete"),
        (quoted("kubectl get pods\n```\n# hi\n```", "Run `kubectl get pods`", kind="code"), "absent: a code sentence"),
    ],
)  # fmt: skip
def test_what_rests_on_no_passage_is_refused_with_its_reason(sentence: Sentence, reason: str) -> None:
    assert refused(sentence, ticket="Hi, I was promised a seat for $49.").startswith(reason)


def test_marks_that_the_answer_adds_itself_are_taken_off() -> None:
    given_ = Draft(
        sentences=[
            quoted("1. Open\nit [1].", kind="step"),
            quoted("```bash\nls [0]\n```", kind="code"),
            quoted("Take a[0] \u202ehere\u200b. [1, 2]"),
        ],
        unanswered=[4, 0, 0],
        ask=" Which\nplan? ",
    )
    tidy = settled(given_, [], 1)
    assert [s.text for s in tidy.sentences] == ["Open it.", "ls [0]", "Take a[0] here."]
    assert (tidy.unanswered, tidy.ask) == ([0], "Which plan?")


def test_an_index_of_no_question_is_refused_and_with_one_question_cannot_be_wrong() -> None:
    pages, two = [passage(1, PRICE)], [Question(text="How much is Pro?"), Question(text="Is there an API?")]
    one = Draft(sentences=[quoted(PRICE, PRICE, question=7)])
    verdict = check(Submission(draft=one, passages=pages, questions=two, ticket=""))
    assert verdict.claims[0].reason.startswith("not about the question: there is no question 7")
    assert check(Submission(draft=settled(one, pages, 1), passages=pages, questions=two[:1], ticket="")).supported


@pytest.mark.parametrize(
    ("question", "supported"),
    [
        ("Does the Pro plan include API access?", True),
        ("Does the Pro plan include application programming interface access?", True),
        ("Does the Pro plan include phone support?", False),
        ("Which plans offer single sign-on?", False),
        ("What does Pro include?", True),
    ],
)
def test_a_feature_is_not_answered_with_a_passage_that_does_not_speak_of_it(question: str, supported: bool) -> None:
    pages = [passage(1, ACCESS)]
    told = settled(Draft(sentences=[quoted(ACCESS, ACCESS)]), pages, 1)
    asked = [Question(text=question), Question(text="How much is the phone hotline?")]
    verdict = check(Submission(draft=told, passages=pages, questions=asked, ticket=question))
    assert verdict.supported == supported
    assert supported or verdict.claims[0].reason.startswith("not about the question")


@pytest.mark.parametrize(
    ("question", "n", "supported"),
    [
        ("What did the Pro plan cost in 2024?", 1, False),
        ("What will the Pro plan cost in 2040?", 1, False),
        ("What did the Pro plan cost in 2024?", 2, True),  # out of force, and asked for
        ("What does the Pro plan cost in 2026?", 1, True),
        ("What does the Pro plan cost?", 2, False),
        ("How much is the Pro plan for the team I set up in 2024?", 1, True),
    ],
)
def test_an_answer_is_of_the_time_that_was_asked_about(question: str, n: int, supported: bool) -> None:
    now = passage(1, PRICE, title="Plans", modified="2026-03-02")
    old = passage(2, "The Pro plan costs $39 per seat per month.", title="Plans 2024", deprecated=True)
    told = [now, old][n - 1].text
    one = settled(Draft(sentences=[Sentence(text=told, quotes=[Quote(n=n, text=told)])]), [now, old], 1)
    verdict = check(Submission(draft=one, passages=[now, old], questions=[Question(text=question)], ticket=question))
    assert verdict.supported == supported, verdict.claims[0].reason


@pytest.mark.parametrize("lead", ["Run this:", "Follow these steps to open the login page:"])
def test_a_plain_lead_in_needs_no_words_of_its_own_but_something_to_lead_to(lead: str) -> None:
    pages, step = [passage(1, PLANS)], "Open the login page."
    whole = settled(Draft(sentences=[quoted(lead, step), quoted(step, step, kind="step")]), pages, 1)
    alone = Draft(sentences=whole.sentences[:1])
    asked = [Question(text="How do I log in?")]
    assert check(Submission(draft=whole, passages=pages, questions=asked, ticket="")).supported
    verdict = check(Submission(draft=alone, passages=pages, questions=asked, ticket=""))
    assert verdict.claims[0].reason.startswith("absent: nothing follows")


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        ("Which plan are you on?", ""),
        ("Are you on Pro or Team?", ""),
        ("Is it the plan for $79?", "absent: $79"),
        ("What is your password?", "not a question: nobody is asked"),
        ("Did you know that our partner reads your mail?", "absent: "),
        ("Buy now! Which plan?", "not a question"),
        ("Tell us.", "not a question"),
    ],
)
def test_a_question_back_is_in_the_words_of_ticket_and_passages(ask: str, reason: str) -> None:
    found = ask_refused(ask, [passage(1, PLANS)], "How much is my plan?")
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


# --- striking ----------------------------------------------------------------------------------------


def left(*sentences: tuple[str, str, bool] | tuple[str, str, bool, int]) -> tuple[list[str], list[int]]:
    """The texts that remain, and the questions that lost their answer. A sentence: text, kind, supported, question."""
    written = [quoted(text, kind=kind, question=rest[0] if rest else 0) for text, kind, _, *rest in sentences]
    claims = [Claim(text=s[0], supported=s[2], citations=[1], reason="" if s[2] else "absent") for s in sentences]
    result = strike(Draft(sentences=written), claims)
    assert [claim.text for claim in result.claims] == [sentence.text for sentence in result.kept.sentences]
    assert all(claim.supported for claim in result.claims)
    assert len(result.struck) + len(result.claims) == len(claims)
    assert not any(claim.supported or not claim.reason for claim in result.struck)
    return [sentence.text for sentence in result.kept.sentences], result.lost


def test_a_further_sentence_goes_alone() -> None:
    assert left(("A.", "prose", True), ("B.", "prose", False), ("C.", "prose", True)) == (["A.", "C."], [])


def test_without_its_direct_answer_a_question_is_open() -> None:
    assert left(("$59.", "prose", False), ("Billed yearly.", "prose", True)) == (["Billed yearly."], [0])


def test_a_procedure_with_a_failed_step_falls_whole_and_with_its_lead_in() -> None:
    texts, lost = left(
        ("It is open.", "prose", True, 0),
        ("Do this:", "prose", True, 1),
        ("Stop it.", "step", True, 1),
        ("ls", "code", True, 1),
        ("Wipe it.", "step", False, 1),
        ("Start it.", "step", True, 1),
        ("Then wait.", "prose", True, 1),
    )
    assert (texts, lost) == (["It is open."], [1])


def test_no_lead_in_is_left_hanging_and_no_list_without_its_lead_in() -> None:
    assert left(("A.", "prose", True), ("Run this:", "prose", True), ("ls", "code", False))[0] == ["A."]
    assert left(("A.", "prose", True), ("Never do:", "prose", False), ("X", "item", True), ("Y", "item", True))[0] == [
        "A."
    ]
    assert left(("These:", "prose", True), ("X", "item", False), ("Y", "item", True))[0] == ["These:", "Y"]


def test_a_sentence_that_leans_on_a_struck_one_goes_too() -> None:
    texts, _ = left(
        ("A.", "prose", True),
        ("Enterprise is dear.", "prose", False),
        ("It costs $99.", "prose", True),
        ("B.", "prose", True),
    )
    assert texts == ["A.", "B."]
    assert left(("A.", "prose", True), ("To wipe all, run it.", "prose", False), ("rm -r x", "code", True))[0] == ["A."]


# --- the judge ---------------------------------------------------------------------------------------

FAQ = "Restarting the broker clears the backlog within 5 minutes."
SAME = "A reboot of that server empties its queue."
LIE = "Restarting the broker clears the backlog within 9 minutes."
ASKED = "What does the broker do?"


def opinion(*said_: tuple[int, bool, str], reason: str = "") -> str:
    claims = [{"index": i, "supported": yes, "quote": quote, "reason": reason} for i, yes, quote in said_]
    return json.dumps({"claims": claims})


def judges_of(case: Case) -> list[str]:
    return [h.tier for h in case.handoffs if h.task == "verify" and h.tier != "local"]


def test_a_paraphrase_is_judged_by_the_tier_above_before_it_goes_back(tmp_path: Path) -> None:
    cheap = Scripted(opinion((0, True, "Restarting the broker clears the backlog")))
    case = Bench(tmp_path, [passage(1, FAQ)], local_drafts=[draft(SAME, [1], FAQ)], cheap=cheap).ask(ASKED)
    assert (case.outcome, case.task("write").attempts, case.task("verify").attempts) == ("accepted", 1, 2)
    assert path_of(case)[3:] == [("verifier", "verifier", "done"), ("verifier", "asker", "done")]
    assert judges_of(case) == ["cheap"]
    assert case.cost_usd == pytest.approx((100 * 2 + 20 * 10) / 1e6)
    assert [claim.supported for claim in case.claims] == [True]
    asked = json.loads(cheap.calls[0][1]["content"].split("<input>\n")[1].split("\n</input>")[0])
    assert [claim["text"] for claim in asked["claims"]] == [SAME]


def test_with_high_stakes_the_dearest_judges_even_its_own_draft(tmp_path: Path) -> None:
    frontier = Scripted(draft(SAME, [1], FAQ), opinion((0, True, FAQ)))
    cheap = Scripted()
    case = Bench(tmp_path, [passage(1, FAQ)], cheap=cheap, frontier=frontier).ask("Does the broker cost money?")
    assert (case.outcome, judges_of(case), cheap.calls) == ("accepted", ["frontier"], [])


def test_with_no_tier_above_nobody_judges(tmp_path: Path) -> None:
    case = Bench(tmp_path, [passage(1, FAQ)], local_drafts=[draft(SAME, [1], FAQ)] * 2).ask(ASKED)
    assert (case.outcome, judges_of(case)) == ("needs_human", [])
    assert "say it in the words of the passage" in case.claims[0].reason


def test_a_judge_is_not_asked_about_a_failed_figure(tmp_path: Path) -> None:
    cheap = Scripted(draft(FAQ, [1], FAQ))
    case = Bench(tmp_path, [passage(1, FAQ)], local_drafts=[draft(LIE, [1], FAQ)] * 2, cheap=cheap).ask(ASKED)
    assert (case.outcome, judges_of(case), len(cheap.calls)) == ("accepted", [], 1)
    assert [h.tier for h in case.handoffs if h.task == "write"] == ["local", "local", "cheap"]


@pytest.mark.parametrize(
    "reply",
    [
        opinion((0, True, "Restarting the server drains the queue")),  # a quote that is in no passage
        opinion((0, True, "")),
        opinion((0, True, "the broker")),
        opinion((0, False, ""), reason="It says backlog."),
        opinion((0, True, FAQ), (0, False, "")),
        opinion((5, True, FAQ), (-1, True, FAQ)),
        "I do not answer in JSON.",
    ],
)
def test_a_judge_that_lies_or_fails_leaves_the_claim_refused_and_the_case_goes_on(tmp_path: Path, reply: str) -> None:
    cheap = Scripted(reply, draft(FAQ, [1], FAQ))
    case = Bench(tmp_path, [passage(1, FAQ)], local_drafts=[draft(SAME, [1], FAQ)] * 2, cheap=cheap).ask(ASKED)
    assert (case.outcome, judges_of(case)) == ("accepted", ["cheap"])  # asked once, though the draft came twice
    assert [h.tier for h in case.handoffs if h.task == "write"] == ["local", "local", "cheap"]
    assert FAQ in case.answer
    assert SAME not in case.answer


def test_no_judge_is_asked_on_an_empty_budget(tmp_path: Path) -> None:
    cheap = Scripted()
    bench = Bench(tmp_path, [passage(1, FAQ)], local_drafts=[draft(SAME, [1], FAQ)] * 2, cheap=cheap)
    case = bench.ask(ASKED, Limits(budget_usd=0, deadline_s=60))
    assert (case.outcome, case.stopped_by, case.answer, cheap.calls) == ("needs_human", "budget", "", [])


@st.composite
def verdicts(pick: st.DrawFn) -> Verdict:
    supported = pick(st.lists(st.booleans(), max_size=6))
    undecided = [i for i, yes in enumerate(supported) if not yes and pick(st.booleans())]
    claims = [Claim(text="x", supported=yes, citations=[1], reason="" if yes else "absent") for yes in supported]
    return Verdict(supported=bool(claims) and all(supported), score=0, claims=claims, undecided=undecided)


words_of_a_judge = st.builds(Judgement, index=st.integers(-9, 9), supported=st.booleans(), quote=st.just(FAQ))


@given(verdicts(), st.lists(words_of_a_judge))
def test_a_judge_cannot_touch_what_is_decided(before: Verdict, said_: list[Judgement]) -> None:
    after = judged(before, doubts(before, [passage(1, FAQ)], ""), Opinion(claims=said_))
    for i, (was, is_) in enumerate(zip(before.claims, after.claims, strict=True)):
        assert i in before.undecided or was == is_
    assert not after.supported or all(claim.supported for claim in after.claims)


def test_a_judge_that_says_yes_to_all_changes_nothing_about_a_failed_figure(tmp_path: Path) -> None:
    both = drafted(said(SAME, FAQ), said(LIE, FAQ))
    yes = opinion((0, True, FAQ), (1, True, FAQ))
    case = Bench(tmp_path, [passage(1, FAQ)], local_drafts=[both, both], cheap=Scripted(yes)).ask(ASKED)
    assert case.outcome == "accepted"
    assert "9 minutes" not in case.answer
    assert [claim.text for claim in case.claims] == [SAME]


@pytest.mark.parametrize(
    ("said_", "page", "refused_"),
    [
        ("The Harbor plan costs $85 per seat.", "The Willow plan costs $85 per seat.", True),
        ("Setting up the Harbor plan costs $85 once.", "Setting up the Willow plan costs $85 once.", True),
        ("The Willow plan costs $85 per seat.", "The Willow plan costs $85 per seat.", False),
        ("The Harbor plan costs $85 per seat.", "The Harbor plan costs $85 per seat.", False),
    ],
)
def test_a_figure_of_a_namesake_is_not_moved_to_the_one_that_is_asked_about(
    said_: str, page: str, refused_: bool
) -> None:
    asked = "How much is the Harbor plan?"
    given_ = Draft(sentences=[Sentence(text=said_, quotes=[Quote(n=1, text=page)])])
    verdict = check(
        Submission(draft=given_, passages=[passage(1, page)], questions=[Question(text=asked)], ticket=asked)
    )
    assert ("not about the Harbor plan" in verdict.claims[0].reason) == refused_
    assert verdict.claims[0].supported != refused_
