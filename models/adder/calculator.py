#!/usr/bin/python3
"""The private calculator's text side: sums to token ids and logits to sums.

  calculator.py encode "347+589" IN_DIR     writes the graph inputs as .npy
  calculator.py decode IN_DIR OUT_DIR       prints "347 + 589 = 936"
  calculator.py plain "347+589"             encode, run in the clear, decode

`encode` writes the one-pass form (1x12, blanks where the answer goes), so a
plan compiled once serves every sum.  Needs numpy only; `plain` also needs
python3-onnx.
"""
import argparse
import os
import re
import sys

import numpy as np

TOKENS = ["<pad>", "<bos>", "<eos>", "_", "+", "="] + list("0123456789")
PAD, BOS, EOS, BLANK, PLUS, EQUALS, ZERO = range(7)
DIGITS = 3  # of an operand; the answer has one more
ANSWER = DIGITS + 1
PROMPT = 2 * DIGITS + 3  # <bos>ddd+ddd=
FULL = PROMPT + ANSWER - 1  # the last answer digit is output only


def parse(text):
    """"7 + 58" -> (7, 58)."""
    match = re.fullmatch(r"\s*(\d{1,3})\s*\+\s*(\d{1,3})\s*=?\s*", text)
    if not match:
        raise ValueError(f"'{text}' is no sum of two numbers from 0 to 999")
    return int(match[1]), int(match[2])


def ids_of(text):
    """Ids of single-character tokens."""
    return [TOKENS.index(c) for c in text]


def prompt_ids(a, b):
    return [BOS] + ids_of(f"{a:03d}+{b:03d}=")


def one_pass_ids(a, b):
    return prompt_ids(a, b) + [BLANK] * (ANSWER - 1)


def inputs_of(rows, length=None):
    """Graph inputs for rows of ids, left-padded to one length."""
    length = length or max(len(r) for r in rows)
    ids = np.array([[PAD] * (length - len(r)) + list(r) for r in rows])
    mask = np.array([[0] * (length - len(r)) + [1] * len(r) for r in rows])
    # Padding positions are 1, as transformers' generate() sets them.
    position = np.where(mask == 1, np.cumsum(mask, 1) - 1, 1)
    arrays = {"input_ids": ids, "attention_mask": mask,
              "position_ids": position}
    return {k: v.astype(np.int64) for k, v in arrays.items()}


def save(directory, arrays):
    os.makedirs(directory, exist_ok=True)
    for name, array in arrays.items():
        np.save(os.path.join(directory, name + ".npy"), array)


def decode(ids, logits):
    """One line per row of a one-pass run, e.g. "347 + 589 = 936"."""
    lines = []
    for row, scores in zip(ids, logits):
        prompt = "".join(TOKENS[i] for i in row[1:PROMPT])
        a, b = parse(prompt)
        best = scores[PROMPT - 1:PROMPT - 1 + ANSWER].argmax(-1)
        answer = "".join(TOKENS[i] for i in best)
        shown = str(int(answer)) if answer.isdigit() else f"'{answer}'?"
        lines.append(f"{a} + {b} = {shown}")
    return lines


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("encode")
    command.add_argument("sum")
    command.add_argument("dir")
    command = commands.add_parser("decode")
    command.add_argument("inputs")
    command.add_argument("outputs")
    command = commands.add_parser("plain")
    command.add_argument("sum")
    args = parser.parse_args()
    try:
        if args.command == "encode":
            save(args.dir, inputs_of([one_pass_ids(*parse(args.sum))]))
        elif args.command == "decode":
            ids = np.load(os.path.join(args.inputs, "input_ids.npy"))
            logits = np.load(os.path.join(args.outputs, "logits.npy"))
            print("\n".join(decode(ids, logits)))
        else:
            here = os.path.dirname(os.path.abspath(__file__))
            sys.path.insert(0, os.path.dirname(here))
            from evaluate import evaluate
            feed = inputs_of([one_pass_ids(*parse(args.sum))])
            out = evaluate(os.path.join(here, "model.onnx"), feed)
            print("\n".join(decode(feed["input_ids"], out["logits"])))
    except (ValueError, OSError) as problem:
        print(f"calculator.py: error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
