#!/usr/bin/python3
"""Trains the adder, measures it, exports it, writes its samples.

  train.py [--out DIR] [--steps N] [--seed N] [--exhaustive]

Everything it learns from is made here.  A tenth of all sums (a+b together
with b+a) is never trained on, nor is any prompt of prompts.json.  One thread
and fixed seeds: two runs on one machine give the same bytes; another BLAS or
CPU rounds differently and gives a sibling of the same quality.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch

import calculator as text
from llama import CausalLM, Config, Exported

PROMPTS = ["347+589", "0+0", "999+999", "999+1", "1+999", "500+500", "7+58",
           "5+5", "499+501", "123+456", "808+191", "909+91", "64+36",
           "100+10", "250+750", "318+27", "76+925", "543+457", "888+112",
           "271+828"]
SEQUENCE = text.PROMPT + text.ANSWER + 1  # with <eos>


def split(seed):
    """Indices a * 1000 + b to train on, and those held out."""
    draw = np.random.default_rng(seed).random((1000, 1000))
    held = np.triu(draw) + np.triu(draw, 1).T < 0.1
    for prompt in PROMPTS:
        a, b = text.parse(prompt)
        held[a, b] = held[b, a] = True
    return (torch.from_numpy(np.flatnonzero(~held)),
            torch.from_numpy(np.flatnonzero(held)))


def digits(values, count):
    powers = [10 ** k for k in reversed(range(count))]
    return torch.stack([values // p % 10 for p in powers], 1) + text.ZERO


def sequences(index):
    """<bos>ddd+ddd=dddd<eos>, one row for each pair."""
    a, b = index // 1000, index % 1000
    column = torch.ones(len(index), 1, dtype=torch.int64)
    return torch.cat((column * text.BOS, digits(a, text.DIGITS),
                      column * text.PLUS, digits(b, text.DIGITS),
                      column * text.EQUALS, digits(a + b, text.ANSWER),
                      column * text.EOS), 1)


def blanked(rows, which):
    """The rows with the answer they are given replaced by blanks."""
    rows = rows.clone()
    rows[which, text.PROMPT:] = text.BLANK
    return rows


def run(model, ids):
    mask = torch.ones_like(ids)
    return model(ids, mask, mask.cumsum(1) - 1)


def loss_of(logits, target):
    """Smoothed cross entropy; the prompt counts a little.

    Smoothing keeps logits small, which fixed point likes.
    """
    loss = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), target.flatten(), reduction="none",
        label_smoothing=0.01).view(target.shape)
    answer = loss[:, text.PROMPT - 1:].mean()
    return answer + 0.05 * loss[:, : text.PROMPT - 1].mean()


@torch.no_grad()
def accuracy(model, index, one_pass):
    """Share of sums whose four digits are all right, and the smallest gap
    between the right digit's logit and the best of the others.

    Teacher forcing is exact here: a greedy run is right if and only if each
    digit is right when the digits before it are.
    """
    right, gap = 0, math.inf
    for part in index.split(2000):
        rows = sequences(part)
        ids = rows[:, : text.FULL]
        if one_pass:
            ids = blanked(ids, slice(None))
        logits = run(model, ids)[:, text.PROMPT - 1:]
        answer = rows[:, text.PROMPT:-1, None]
        gaps = logits.gather(2, answer)[..., 0] - logits.scatter(
            2, answer, -math.inf).max(-1)[0]
        right += int((gaps > 0).all(1).sum())
        gap = min(gap, gaps.min().item())
    return right / len(index), gap


def range_penalty(embedded, last):
    """Keeps norm inputs in a range that fixed point represents well.

    Norms divide magnitudes out, so nothing else does: left alone, embeddings
    decay to rms 0.05 and the residual stream grows past 600.
    """
    low = (0.05 - embedded.square().mean(-1)).clamp(min=0).mean()
    high = (last.square().mean(-1) - 4).clamp(min=0).mean()
    return 10 * low + 0.01 * high


def train(args, model, pool, held, steps, rate, settle):
    """One run of the optimizer; settle adds the range penalty."""
    decayed = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1},
         {"params": vectors, "weight_decay": 0.0}],
        lr=rate, betas=(0.9, 0.98))
    sample = held[torch.randperm(len(held))[:2000]]
    seen = {}
    hooks = [
        model.model.embed_tokens.register_forward_hook(
            lambda _, given, result: seen.update(embedded=result)),
        model.model.norm.register_forward_pre_hook(
            lambda _, given: seen.update(last=given[0]))]
    start = time.time()
    for step in range(1, steps + 1):
        cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, step / 200) * (0.01 + 0.99 * cosine)
        rows = sequences(pool[torch.randint(len(pool), (args.batch,))])
        given = blanked(rows[:, :-1], torch.rand(args.batch) < 0.5)
        loss = loss_of(run(model, given), rows[:, 1:])
        if settle:
            loss = loss + range_penalty(**seen)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.4f}, held out "
                  f"{accuracy(model, sample, False)[0]:.4f} step by step, "
                  f"{accuracy(model, sample, True)[0]:.4f} in one pass, "
                  f"{time.time() - start:.0f} s", flush=True)
    for hook in hooks:
        hook.remove()
    return time.time() - start


def export(model, path):
    axes = {0: "batch_size", 1: "sequence_length"}
    names = ["input_ids", "attention_mask", "position_ids"]
    ids = torch.from_numpy(np.array([text.one_pass_ids(12, 345),
                                     text.one_pass_ids(678, 9)]))
    mask = torch.ones_like(ids)
    torch.onnx.export(
        Exported(model), (ids, mask, mask.cumsum(1) - 1), path,
        input_names=names, output_names=["logits"], opset_version=14,
        dynamic_axes={name: axes for name in names + ["logits"]},
        do_constant_folding=True)


@torch.no_grad()
def write_case(model, directory, rows):
    arrays = text.inputs_of(rows)
    logits = model(*(torch.from_numpy(a) for a in arrays.values()))
    text.save(os.path.join(directory, "inputs"), arrays)
    text.save(os.path.join(directory, "outputs"), {"logits": logits.numpy()})


def write_samples(model, out):
    write_case(model, out, [text.one_pass_ids(347, 589)])
    # A batch caught at different steps of its generation: left-padded.
    started = [(271, 828, "1099"), (999, 1, "10"), (7, 58, ""), (64, 36, "0")]
    write_case(model, os.path.join(out, "case1"),
               [text.prompt_ids(a, b) + text.ids_of(answer)
                for a, b, answer in started])
    write_case(model, os.path.join(out, "case2"),
               [text.prompt_ids(123, 456)])
    for k, (a, b) in enumerate([(0, 0), (999, 999), (486, 517), (35, 604)]):
        text.save(os.path.join(out, "calibration", str(k)),
                  text.inputs_of([text.one_pass_ids(a, b)]))
    with open(os.path.join(out, "tokens.json"), "w") as f:
        json.dump(text.TOKENS, f)
        f.write("\n")
    lines = []
    for prompt in PROMPTS:
        a, b = text.parse(prompt)
        lines.append(json.dumps({
            "prompt": f"{prompt}=", "text": f"{a:03d}+{b:03d}=",
            "ids": text.prompt_ids(a, b),
            "one_pass_ids": text.one_pass_ids(a, b),
            "answer_ids": text.ids_of(f"{a + b:04d}"), "sum": a + b}))
    with open(os.path.join(out, "prompts.json"), "w") as f:
        f.write("[\n " + ",\n ".join(lines) + "\n]\n")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=here)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--settle", type=int, default=500,
                        help="steps that then bring ranges in (500)")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exhaustive", action="store_true",
                        help="measure all 1,000,000 sums as well")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(args.seed)
    pool, held = split(args.seed)
    model = CausalLM(Config())
    seconds = train(args, model, pool, held, args.steps, args.rate, False)
    seconds += train(args, model, pool, held, args.settle, args.rate / 3,
                     True)
    model.eval()
    os.makedirs(args.out, exist_ok=True)
    export(model, os.path.join(args.out, "model.onnx"))
    write_samples(model, args.out)
    measured = {"held_out_sums": len(held), "trained_sums": len(pool),
                "parameters": sum(p.numel() for p in model.parameters()),
                "training_seconds": round(seconds)}
    sets = {"held_out": held}
    if args.exhaustive:
        sets["all"] = torch.arange(1000000)
    for name, index in sets.items():
        for way in ("step_by_step", "one_pass"):
            share, gap = accuracy(model, index, way == "one_pass")
            measured[f"{name}_{way}"] = share
            measured[f"{name}_{way}_smallest_gap"] = round(gap, 3)
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
