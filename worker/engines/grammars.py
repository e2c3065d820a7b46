"""Keeps what a model writes within a grammar, by xgrammar: the library that vLLM uses too."""

import importlib.util
import json
from collections.abc import Sequence
from typing import Any

from router.generation import Capability, Grammar
from worker.engines.errors import PromptRefused


def grammar_capabilities() -> frozenset[Capability]:
    """The kinds of grammar that can be kept here: all where xgrammar is installed, none otherwise."""
    kinds = {Capability.CHOICE, Capability.REGEX, Capability.JSON_SCHEMA}
    return frozenset(kinds) if importlib.util.find_spec("xgrammar") else frozenset()


class GrammarCompiler:
    """Compiles grammars for one tokenizer; equal grammars are compiled once."""

    def __init__(self, tokenizer: Any, *, vocabulary_size: int, stop_ids: Sequence[int]) -> None:
        import xgrammar

        names = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary_size, stop_token_ids=list(stop_ids)
        )
        self._vocabulary_size = vocabulary_size
        self._compiler = xgrammar.GrammarCompiler(names, max_threads=1)

    def compile(self, grammar: Grammar) -> Any:
        """The compiled grammar, shareable by any number of answers. PromptRefused says what is wrong with it."""
        try:
            match grammar.kind:
                case Capability.CHOICE if grammar.choices:
                    return self._compiler.compile_grammar(f"root ::= {' | '.join(map(_quote, grammar.choices))}")
                case Capability.REGEX:
                    return self._compiler.compile_regex(grammar.pattern)
                case Capability.JSON_SCHEMA:
                    # As tight as vLLM's disable_any_whitespace writes it.
                    return self._compiler.compile_json_schema(
                        grammar.schema, any_whitespace=False, separators=(",", ":")
                    )
        except (RuntimeError, ValueError, TypeError) as error:
            raise PromptRefused(f"the {grammar.kind} grammar is not valid: {str(error).strip()}") from error
        raise PromptRefused(f"the {grammar.kind} grammar has nothing to choose from")

    def follow(self, compiled: Any) -> "Constraint":
        """A fresh constraint for one answer."""
        import xgrammar

        return Constraint(xgrammar.GrammarMatcher(compiled), xgrammar.allocate_token_bitmask(1, self._vocabulary_size))


class Constraint:
    """One answer's way through its grammar."""

    def __init__(self, matcher: Any, bitmask: Any) -> None:
        self._matcher = matcher
        self._bitmask = bitmask

    def forbid(self, logits: Any) -> None:
        """Set the logits (1, vocabulary) of every token that the grammar does not allow next to -inf, in place."""
        import xgrammar

        self._matcher.fill_next_token_bitmask(self._bitmask)
        xgrammar.apply_token_bitmask_inplace(logits, self._bitmask.to(logits.device))

    def accept(self, token_id: int) -> None:
        """Step over a token that was allowed."""
        self._matcher.accept_token(token_id)


def _quote(choice: str) -> str:
    return json.dumps(choice, ensure_ascii=False)
