"""Evaluates the arithmetic that a model wrote: exact, bounded, and never as code."""

import re
from decimal import Decimal, localcontext
from fractions import Fraction

from router.errors import ExpressionError

LONGEST_EXPRESSION = 300  # characters
LONGEST_NUMBER = 20  # characters of one number, so that no product of them grows large
DEEPEST_NESTING = 20  # parentheses inside parentheses, and signs before signs

_SYMBOL = re.compile(r"\s*(\d+\.?\d*|\.\d+|[-+*/()%])", re.ASCII)


def evaluate_expression(text: str) -> Fraction:
    """The exact value of numbers joined by + - * / and parentheses; ExpressionError says what is wrong with the text.

    A percentage is what a pocket calculator makes of it: `15% * 80` is 12, and `80 - 25%` is 60.
    """
    reader = _Reader(_split_symbols(text))
    value = reader.read_sum(depth=0)
    if not reader.is_done():
        raise ExpressionError(f"{text!r} goes on with {reader.next!r} where an operator or the end must be")
    return value


def format_number(value: Fraction, *, decimals: int) -> str:
    """The number as a person writes it: exact where `decimals` places suffice, rounded half to even otherwise."""
    scaled = round(value * 10**decimals)
    with localcontext() as context:
        context.prec = max(len(str(scaled)), 1)
        text = f"{Decimal(scaled).scaleb(-decimals):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _split_symbols(text: str) -> list[str]:
    text = text.rstrip()
    if len(text) > LONGEST_EXPRESSION:
        raise ExpressionError(f"an expression has at most {LONGEST_EXPRESSION} characters, got {len(text)}")
    symbols: list[str] = []
    at = 0
    while at < len(text):
        match = _SYMBOL.match(text, at)
        if match is None:
            raise ExpressionError(f"{text!r} holds {text[at:].lstrip()[0]!r}, which is no part of an expression")
        if len(match[1]) > LONGEST_NUMBER:
            raise ExpressionError(f"a number has at most {LONGEST_NUMBER} characters, got {len(match[1])}")
        symbols.append(match[1])
        at = match.end()
    return symbols


class _Reader:
    """Recursive descent over the symbols: sum, product, sign, percentage, number or parenthesis."""

    def __init__(self, symbols: list[str]) -> None:
        self.symbols = symbols
        self.at = 0

    @property
    def next(self) -> str:
        return self.symbols[self.at] if self.at < len(self.symbols) else ""

    def is_done(self) -> bool:
        return self.at == len(self.symbols)

    def take(self) -> str:
        symbol = self.next
        self.at += 1
        return symbol

    def read_sum(self, *, depth: int) -> Fraction:
        value = self.read_product(depth=depth)
        while self.next in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            start = self.at
            term = self.read_product(depth=depth)
            is_share = self.at == start + 2 and self.symbols[start + 1] == "%"
            value += sign * (value * term if is_share else term)
        return value

    def read_product(self, *, depth: int) -> Fraction:
        value = self.read_signed(depth=depth)
        while self.next in ("*", "/"):
            operator = self.take()
            factor = self.read_signed(depth=depth)
            if operator == "/" and factor == 0:
                raise ExpressionError("the expression divides by zero")
            value = value * factor if operator == "*" else value / factor
        return value

    def read_signed(self, *, depth: int) -> Fraction:
        if depth > DEEPEST_NESTING:
            raise ExpressionError(f"the expression is nested more than {DEEPEST_NESTING} deep")
        if self.next in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            return sign * self.read_signed(depth=depth + 1)
        value = self.read_atom(depth=depth)
        while self.next == "%":
            self.take()
            value /= 100
        return value

    def read_atom(self, *, depth: int) -> Fraction:
        if not self.next:
            raise ExpressionError("the expression ends too soon")
        symbol = self.take()
        if symbol in "()+-*/%" and symbol != "(":
            raise ExpressionError(f"the expression has {symbol!r} where a number must be")
        if symbol == "(":
            value = self.read_sum(depth=depth + 1)
            if self.take() != ")":
                raise ExpressionError("the expression has a parenthesis that is never closed")
            return value
        return Fraction(symbol)
