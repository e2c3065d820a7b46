"""Answers that try to fool the graders, and right answers that a careless grader would refuse."""

from collections.abc import Mapping

import pytest

from router.grading import grade, parse_grader

POSITIVE = {"kind": "choice", "reference": "positive", "options": ["positive", "negative", "neutral"]}
YES = {"kind": "choice", "reference": "yes", "options": ["yes", "no"]}
LETTER = {"kind": "choice", "reference": "B", "options": ["A", "B", "C", "D"]}
THIRTEEN = {"kind": "numeric", "reference": 13}
KILOMETRES = {"kind": "numeric", "reference": "18", "units": ["km", "kilometres", "kilometers"]}
PARIS = {"kind": "contains_all", "reference": ["Paris"]}
PERSON = {"kind": "json_fields", "reference": {"name": "Ada Lovelace", "born": 1815, "alive": False}}


def is_right(grader: Mapping[str, object], answer: str) -> bool:
    return grade(parse_grader(grader), answer) == 1.0


@pytest.mark.parametrize(
    "answer",
    ["13", " 13.", "13.0", "13,", "**13**", "$13", "13 apples", "13km", "The answer is 13.", "5 + 8 = 13",
     "5 \u00d7 8 - 27 = 13", "1.3e1", "26/2", "x = 13", "\uff11\uff13", "\u0661\u0663", "13!",
     "It is 13. Yes, 13.", "- 13", "13 (13.0)", "No, it is 13.", "Answer: 13", '"13"', "13\u200b", "13 of the 13",
     "$5 + $8 = $13", "Tom has 5 boxes of 8, which means he has 5 + 8 = 13 pens.", "5 + 5 = 10, 10 + 3 = 13",
     "12 + 1 = 13\nA pen", "There are 5 and 8, so 13.", "5 boxes and 8 boxes. The answer is 13.",
     "It takes 5 and 8: a total of 13.", "13, so few!", "Thirteen (13)", "They add up to 13.", "It happened 13 times.",
     "No doubt it is 13.", "I think it is 13.", "It is probably 13.", "That was wrong. The answer is 13.", "13 seconds",
     "She has 13 pens, and one is red."],
)  # fmt: skip
def test_numeric_accepts(answer: str) -> None:
    assert is_right(THIRTEEN, answer)


@pytest.mark.parametrize(
    "answer",
    ["12 or 13", "13 or 12", "12, 13", "12,13", "12-13", "12 - 13", "between 12 and 13", "either 13", "-13",
     "\u221213", "\u2212 13", "minus 13", "negative 13", "not 13", "It isn't 13.", "13 is wrong", "13?", "Is it 13?",
     "more than 13", "at least 13", "<13", ">= 13", "!= 13", "13*2", "13 * 2", "1*3", "13 thousand", "13k", "13e2",
     "13^2", "13\u00b2", "13\u00bd", "13 and a half", "13 point 5", "1,3", "1.3", "013.13", "13.13.13", "13:00",
     "13/2", "13/10/2024", "2x13", "13th", "x13", "13x2", "sqrt(13)", "\u221a13", "13 + 1", "13+", "13\u03c0",
     "x = 12, x = 13", "12 = 13", "thirteen", "", "  ", "-", "1300", "113", "13 million", "13 dozen", "$-13", "-$13",
     "12 apples, not 13", "13 rather than 12", "10^13", "a" * 3000 + " 13", "12 13", "1 3", "5 + 8 = 13, 12",
     "5 + 7 = 12, x = 13", "12 + 1 = 13, so 12", "so 12, or so 13", "It is not 12 + 1 = 13", "5 + 8 = 13 or 12",
     "There are 5 and 8 in 13.", "13 plus one", "13 minus one", "13 times two", "half of 13", "twice 13",
     "13 hundredths", "13 percent", "13%", "13 is false", "I doubt it is 13", "13, plus one", "13 - two", "one plus 13",
     "13 divided by two", "13 pens plus one", "a third of 13", "13 tenths", "13 and a third", "13 out of twenty",
     "ten to 13", "13 to fourteen", "two more than 13", "Twice the answer is 13.", "The answer plus one is 13.",
     "13 is half the answer.", "13 is one less than the answer.", "13 is too low", "13 is off by one", "13-ish", "13M",
     "13 lakh", "13 in base eight", "one hundred and 13", "add one to 13", "the number after 13", "13 factorial",
     "13 at most", "13 and up", "f(13)", "13. Just kidding.", "13. That is wrong.", "13?!", '"13?"', "~~13~~",
     "13\u0336", "It isn't\n13", "Wrong answers:\n13", "maybe 13", "13, I guess", "13 might be right",
     "13, but I doubt it", "x + 13", "13 pct", "almost 13", "I thought it was 13",
     "one in 13", "two bags of 13", "13 shy of the mark", "13 below zero", "The trap answer is 13", "13, wait, no",
     "13 would be it if there were more", "Anyone saying 13 is lying", "-(13)", "13 \u00d7 a million"],
)  # fmt: skip
def test_numeric_refuses(answer: str) -> None:
    assert not is_right(THIRTEEN, answer)


@pytest.mark.parametrize("answer", ["18", "18 km", "18km", "18 Kilometres", "It is 18 km.", "9 * 2 = 18 km"])
def test_numeric_accepts_its_units(answer: str) -> None:
    assert is_right(KILOMETRES, answer)


@pytest.mark.parametrize(
    "answer", ["18 miles", "18 m", "$18", "18%", "18 km/h", "18 km^2", "18000 m", "18 thousand km", "18 km per hour"]
)
def test_numeric_refuses_other_units(answer: str) -> None:
    assert not is_right(KILOMETRES, answer)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [(1234.5, "1,234.50"), (1234567, "1,234,567"), ("1_000", "1000"), (-5, "-5"), (-5, "\u22125\u00b0C"),
     (-5, "minus 5"), (-5, "-$5"), (0.1, ".1"), (0.5, "1/2"), (0.5, "\u00bd"), (2.5, "2 1/2"), (2.5, "2\u00bd"),
     (1_500_000, "1.5 million"), (12_000, "$12k"), (24, "2 dozen"), (0, "0"), (0, "-0"), (3e9, "3 billion"),
     (1e-3, "1e-3")],
)  # fmt: skip
def test_numeric_reads_how_people_write_numbers(reference: object, answer: str) -> None:
    assert is_right({"kind": "numeric", "reference": reference}, answer)


@pytest.mark.parametrize(
    ("grader", "answer"),
    [(POSITIVE, "positive"), (POSITIVE, "Positive."), (POSITIVE, "The sentiment is **positive**."),
     (POSITIVE, "The sentiment is likely positive."), (POSITIVE, "Positive: the guest might return."),
     (YES, "Yes, that is true."), (YES, "Yes, without a doubt."), (YES, "Yes, that is wrong."),
     (YES, "Yes. I am sure."), (LETTER, "The answer is B. It is not a village."),
     (POSITIVE, "The guest might return, so positive."), (POSITIVE, "The order was wrong, the review is positive."),
     (POSITIVE, "He received the wrong item: positive"), (POSITIVE, "Maybe it was late, but the review is positive."),
     (POSITIVE, '"positive"'), (POSITIVE, "Sentiment: positive"),
     (POSITIVE, "Positive, because they don't complain."), (POSITIVE, "positive\nThe food was not bad."),
     (YES, "Yes"), (YES, "Yes, it is not a planet."), (YES, "yes."), (LETTER, "B"), (LETTER, "b"),
     (LETTER, "B) Paris"), (LETTER, "(B)"), (LETTER, "The answer is B. It is a city."), (LETTER, "**B**")],
)  # fmt: skip
def test_choice_accepts(grader: Mapping[str, object], answer: str) -> None:
    assert is_right(grader, answer)


@pytest.mark.parametrize(
    ("grader", "answer"),
    [(POSITIVE, "not positive"), (POSITIVE, "positive or negative"), (POSITIVE, "It is positive, not negative."),
     (POSITIVE, "non-positive"), (POSITIVE, "It isn't positive"), (POSITIVE, "It isn\u2019t positive"),
     (POSITIVE, "Positive?"), (POSITIVE, "Positive, it is not."), (POSITIVE, "anything but positive"),
     (POSITIVE, "the opposite of positive"), (POSITIVE, "positively"), (POSITIVE, "nonpositive"),
     (POSITIVE, "far from positive"), (POSITIVE, "Positive is wrong."), (POSITIVE, "p o s i t i v e"), (POSITIVE, ""),
     (YES, "Yes and no"), (YES, "no"), (YES, "yesterday"), (YES, "yes/no"), (LETTER, "A or B"), (LETTER, "AB"),
     (LETTER, "not B"), (LETTER, "A, B, C, D"), (LETTER, "Because"), (YES, "Yes is false"), (YES, "I doubt yes"),
     (YES, "maybe yes"), (YES, "Yes, maybe"), (YES, "Yes?!"), (YES, "Yes or something"), (YES, "Is it yes"),
     (YES, "Yes. Just kidding."), (YES, "Yes. Or not."), (YES, "Yes, I lied."), (YES, "Unlike yes"), (YES, "~~yes~~"),
     (YES, "It might be yes"), (YES, "Nobody says yes"), (YES, "almost yes"), (YES, "Yes would be incorrect"),
     (YES, "Yes. I doubt it."), (YES, "I guess yes"), (YES, "I refuse to say yes"), (YES, "Yes makes no sense."),
     (YES, "yes is out of the question"), (YES, "Ignore yes"), (YES, "let's say yes"), (POSITIVE, "Hardly positive"),
     (POSITIVE, "Positive. That is wrong."), (POSITIVE, "too sad to be positive"), (POSITIVE, "could be positive"),
     (YES, "Yes. Oh wait."), (YES, "yes only if it rains"), (YES, "Whoever says yes is lying"), (YES, "Cross out yes"),
     (YES, "yes is off the table"), (YES, "Yes, said the liar"), (YES, "Yes if you are lucky")],
)  # fmt: skip
def test_choice_refuses(grader: Mapping[str, object], answer: str) -> None:
    assert not is_right(grader, answer)


@pytest.mark.parametrize(
    "answer",
    ['{"name": "Ada Lovelace", "born": 1815, "alive": false}',
     '```json\n{"name": "ada  lovelace.", "born": 1815.0, "alive": false}\n```',
     '{"born": "1815", "alive": false, "name": "Ada Lovelace", "field": "mathematics"}',
     ' {"name":"Ada Lovelace","born":"in 1815","alive":false}\n'],
)  # fmt: skip
def test_json_fields_accepts(answer: str) -> None:
    assert is_right(PERSON, answer)


@pytest.mark.parametrize(
    "answer",
    ['{"name": "Ada Lovelace", "born": 1815}', '{"name": "Ada Lovelace", "born": 1815, "alive": 0}', "[]", "null",
     "{}", "{", '{"name": "Ada Lovelace", "born": 1815, "born": 1816, "alive": false}',
     '{"name": "Ada Lovelace", "born": NaN, "alive": false}',
     '{"name": "Ada Lovelace", "born": "1815 or 1816", "alive": false}',
     '{"name": ["Ada Lovelace"], "born": 1815, "alive": false}',
     'Here it is: {"name": "Ada Lovelace", "born": 1815, "alive": false}',
     '{"name": "Ada Lovelace", "born": true, "alive": false}',
     '{"name": "Ada Lovelace", "born": 1e999999999, "alive": false}', "[" * 19_000, '{"born":' + "9" * 9_000 + "}",
     '{"Name": "Ada Lovelace", "Born": 1815, "Alive": false}',
     "{'name': 'Ada Lovelace', 'born': 1815, 'alive': False}"],
)  # fmt: skip
def test_json_fields_refuses(answer: str) -> None:
    assert not is_right(PERSON, answer)


@pytest.mark.parametrize(
    ("reference", "value", "right"),
    [(True, 1, False), (1, True, False), (None, '""', False), (None, "null", True), ("42", 42, True),
     (42, '"$42"', True), (["a", "b"], '["A", "b"]', True), (["a", "b"], '["b", "a"]', False),
     (["a"], '["a", "b"]', False), ({"x": 1}, '{"x": 1.0}', True)],
)  # fmt: skip
def test_json_fields_compares_by_type(reference: object, value: object, right: bool) -> None:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    assert is_right({"kind": "json_fields", "reference": {"field": reference}}, f'{{"field": {text}}}') is right


@pytest.mark.parametrize(
    "answer",
    ["Paris", "The capital of France is Paris.", "paris, of course", "It's PARIS!", "Not Lyon. Paris.",
     "It is Paris, the capital of France.", "No doubt it is Paris.", "Paris, no doubt.", "None other than Paris.",
     "Nobody doubts that it is Paris.", "I think it is Paris.", "Probably Paris", "Is it Lyon? No, it is Paris.",
     "Paris is not only the capital but the largest city.", "Paris lies on the Seine.", "Paris is far from London.",
     "Unlike the others, Paris is the capital.", "It is impossible to miss it: Paris", "Wrong, it is Paris.",
     "The capital is Paris, whether or not you like it.", "Here it is:\nParis", "Everyone knows it is Paris.",
     "That would be Paris.", "Paris is one of the oldest cities.", "It's Paris, which never sleeps.",
     "Paris has no rival.", "Its capital, Paris, is large.", "It was Paris that he visited."],
)  # fmt: skip
def test_contains_all_accepts(answer: str) -> None:
    assert is_right(PARIS, answer)


@pytest.mark.parametrize(
    "answer",
    ["Not Paris", "Paris is not the capital.", "Parisian", "Paris?", "It is Lyon rather than Paris.", "Pari",
     "The capital isn't Paris.", "Paris is false.", "It is false that it is Paris.", "I doubt it is Paris.",
     "Nobody would say Paris.", "Everyone but Paris", "Unlike Paris, it is Lyon.", "Either Paris or Lyon.",
     "maybe Paris, maybe Rome", "Lyon or Paris", "Paris/Rome", "It could be Paris.", "Perhaps Paris", '"Paris?"',
     "Paris?!", "Paris, no.", "Paris (wrong)", "Paris. Just kidding, it is Lyon.", "Paris. That is not right.",
     "Paris, but that is false.", "Paris is a common misconception.", "Paris is definitely the wrong answer.",
     "Any city but Paris", "Contrary to Paris, it is Lyon.", "Only a fool would say Paris.", "I wish it were Paris.",
     "It isnt Paris.", "nicht Paris", "<del>Paris</del>", "Some say Paris.", "I'm unsure whether it is Paris",
     "What about Paris", "Wrong answers:\n- Paris", "It is not\nParis", "It is definitely not... Paris",
     "It was once thought to be Paris.", "Paris used to be the capital.", "Paris. Or Rome.", "Paris. Psych!",
     "I doubt, and always have, Paris.", "Perhaps, so to speak, Paris.", "I doubt that, therefore, it is Paris.",
     "The answer's wrong: Paris", "False: Paris", "A common mistake: Paris", "Falsely called Paris",
     "Yeah right, Paris.", "So-called Paris", "Forget Paris.", "Paris has nothing to do with it.", "Is it Paris",
     "Strike Paris.", "Paris aside, Lyon.", "Paris is off the table.", "My brother thinks it is Paris.",
     "Paris - oh wait, no", "50/50 Paris", "Cross out Paris.", "Paris is what I'd say if I were wrong.",
     "It is not true that " + "of all the towns " * 40 + "it is Paris"],
)  # fmt: skip
def test_contains_all_refuses(answer: str) -> None:
    assert not is_right(PARIS, answer)


def test_a_title_does_not_end_a_sentence() -> None:
    smith = {"kind": "contains_all", "reference": ["Smith"]}
    assert is_right(smith, "It is Mr. Smith.")
    assert not any(
        is_right(smith, answer) for answer in ["It is not Mr. Smith.", "Not J. Smith", "Not him, e.g. Smith"]
    )


def test_of_several_things_each_is_asserted() -> None:
    both = {"kind": "contains_all", "reference": ["Paris", "Lyon"]}
    assert all(is_right(both, answer) for answer in ["Not only Paris but also Lyon.", "Paris and Lyon", "Paris; Lyon"])
    assert not any(is_right(both, answer) for answer in ["Paris or Lyon", "Paris, not Lyon", "Neither Paris nor Lyon"])
    assert not is_right({"kind": "contains_all", "reference": ["18 km"]}, "18 km/h")


def test_a_percentage_is_right_where_the_reference_is_one() -> None:
    for of_percent in ({"unit": "%"}, {"units": ["%", "percent"]}):
        assert is_right(THIRTEEN | of_percent, "13 percent")
        assert is_right(THIRTEEN | of_percent, "13%")


def test_contains_all_knows_wordings_exclusions_and_a_word_limit() -> None:
    grader = {
        "kind": "contains_all",
        "reference": [["USA", "United States"], "1776"],
        "none_of": ["1789"],
        "max_words": 12,
    }
    assert is_right(grader, "The United States declared independence in 1776.")
    assert not is_right(grader, "1776")
    assert not is_right(grader, "The USA in 1776 or 1789.")
    assert not is_right(grader, "USA 1776 " * 10)
    assert not is_right(grader, "The USA in 1776.5")


def test_exact_and_normalised() -> None:
    assert is_right({"kind": "exact", "reference": "Ab c"}, " Ab c\n")
    assert not is_right({"kind": "exact", "reference": "Ab c"}, "ab c")
    normalised = {"kind": "normalised", "reference": ["New York", "NYC"]}
    assert all(
        is_right(normalised, answer)
        for answer in ["new  york.", "**NYC**", '"New York!"', "\uff2eew York", "New\u200b York"]
    )
    assert not any(
        is_right(normalised, answer) for answer in ["New York City", "New York or NYC", "New York?", "N.Y.C"]
    )


def test_regex_matches_the_whole_answer_and_never_runs_away() -> None:
    assert is_right({"kind": "regex", "reference": r"(a+)+"}, "aaa")
    assert not is_right({"kind": "regex", "reference": r"(a+)+"}, "a" * 4_900 + "b")
    assert not is_right({"kind": "regex", "reference": r"\d{4}"}, "2024 or 2025")
    assert is_right({"kind": "regex", "reference": "yes", "ignore_case": True}, "YES")


@pytest.mark.parametrize(
    ("asked", "right", "wrong"),
    [({"must_contain": ["sorry"]}, "We are sorry.", "We are sorrys."),
     ({"must_not_contain": "very"}, "every day", "a very good day"),
     ({"starts_with": "Dear"}, "dear Ann, hello", "Oh dear"), ({"ends_with": "!"}, '"Come in!"', "Come in!."),
     ({"min_words": 3, "max_words": 4}, "one two - three", "one - - -"),
     ({"max_words": 2}, "one two", "one two three"), ({"case": "upper"}, "HELLO, WORLD 2", "HELLO, World"),
     ({"case": "lower"}, "hello", "1234"), ({"case": "title"}, "The Old Man", "The old Man")],
)  # fmt: skip
def test_properties(asked: object, right: str, wrong: str) -> None:
    assert is_right({"kind": "properties", "reference": asked}, right)
    assert not is_right({"kind": "properties", "reference": asked}, wrong)
