"""A small LLaMA-architecture decoder in plain PyTorch.

It computes, operation for operation, what Hugging Face `transformers` 4.4x
computes for `LlamaForCausalLM` with eager attention and no cache, so that
`torch.onnx.export` yields the graph a user's own export would have: rotary
tables computed from `position_ids` inside the graph, a causal mask built
from the dynamic shape and merged with `attention_mask` in place, grouped
query attention by expand + reshape, softmax in float32.  The module tree has
the same names, so ONNX node names read `/m/model/layers.0/self_attn/...`.
"""
import math
from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Config:
    vocab_size: int = 16
    hidden_size: int = 64
    intermediate_size: int = 192
    num_layers: int = 2
    num_heads: int = 4
    num_kv_heads: int = 2
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    initializer_range: float = 0.08

    @property
    def head_dim(self):
        return self.hidden_size // self.num_heads


class RMSNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        kind = x.dtype
        x = x.to(torch.float32)
        mean_square = x.pow(2).mean(-1, keepdim=True)
        x = x * torch.rsqrt(mean_square + self.eps)
        return self.weight * x.to(kind)


class RotaryEmbedding(nn.Module):
    """cos and sin [batch, sequence, head_dim] of the positions given."""

    def __init__(self, config):
        super().__init__()
        exponent = torch.arange(0, config.head_dim, 2).float()
        inv_freq = config.rope_theta ** (-exponent / config.head_dim)
        self.register_buffer("inv_freq", inv_freq, persistent=False)
        self.scaling = 1.0  # 1 unless the model stretches its context

    @torch.no_grad()
    def forward(self, x, position_ids):
        batch = position_ids.shape[0]
        freq = self.inv_freq[None, :, None].float().expand(batch, -1, 1)
        position = position_ids[:, None, :].float()
        angle = (freq.float() @ position.float()).transpose(1, 2)
        angle = torch.cat((angle, angle), dim=-1)
        cos, sin = angle.cos(), angle.sin()
        cos, sin = cos * self.scaling, sin * self.scaling
        return cos.to(dtype=x.dtype), sin.to(dtype=x.dtype)


def rotate_half(x):
    half = x.shape[-1] // 2
    low, high = x[..., :half], x[..., half:]
    return torch.cat((-high, low), dim=-1)


def apply_rotary(x, cos, sin):
    return (x * cos) + (rotate_half(x) * sin)


def repeat_kv(x, groups):
    """[batch, kv_heads, seq, d] -> [batch, kv_heads * groups, seq, d]."""
    batch, kv_heads, seq, d = x.shape
    if groups == 1:
        return x
    x = x[:, :, None, :, :].expand(batch, kv_heads, groups, seq, d)
    return x.reshape(batch, kv_heads * groups, seq, d)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        size, d = config.hidden_size, config.head_dim
        self.heads, self.kv_heads, self.d = (config.num_heads,
                                             config.num_kv_heads, d)
        self.q_proj = nn.Linear(size, self.heads * d, bias=False)
        self.k_proj = nn.Linear(size, self.kv_heads * d, bias=False)
        self.v_proj = nn.Linear(size, self.kv_heads * d, bias=False)
        self.o_proj = nn.Linear(self.heads * d, size, bias=False)

    def forward(self, x, mask, rotary):
        batch, seq, _ = x.size()
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        q = q.view(batch, seq, self.heads, self.d).transpose(1, 2)
        k = k.view(batch, seq, self.kv_heads, self.d).transpose(1, 2)
        v = v.view(batch, seq, self.kv_heads, self.d).transpose(1, 2)
        cos, sin = rotary[0].unsqueeze(1), rotary[1].unsqueeze(1)
        q, k = apply_rotary(q, cos, sin), apply_rotary(k, cos, sin)
        groups = self.heads // self.kv_heads
        k, v = repeat_kv(k, groups), repeat_kv(v, groups)
        scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.d)
        scores = scores + mask[:, :, :, : k.shape[-2]]
        weights = nn.functional.softmax(scores, dim=-1, dtype=torch.float32)
        weights = weights.to(q.dtype)
        out = torch.matmul(weights, v).transpose(1, 2).contiguous()
        return self.o_proj(out.reshape(batch, seq, -1))


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        size, inner = config.hidden_size, config.intermediate_size
        self.gate_proj = nn.Linear(size, inner, bias=False)
        self.up_proj = nn.Linear(size, inner, bias=False)
        self.down_proj = nn.Linear(inner, size, bias=False)
        self.act_fn = nn.SiLU()

    def forward(self, x):
        return self.down_proj(self.act_fn(self.gate_proj(x)) *
                              self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        eps = config.rms_norm_eps
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(config.hidden_size, eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, eps)

    def forward(self, x, mask, rotary):
        x = x + self.self_attn(self.input_layernorm(x), mask, rotary)
        return x + self.mlp(self.post_attention_layernorm(x))


def causal_mask(attention_mask, x):
    """Additive mask [batch, 1, seq, seq]: 0 where a query may look."""
    seq = x.shape[1]
    rows = torch.arange(0, seq, device=x.device)
    keys = attention_mask.shape[-1]
    batch = x.shape[0]
    lowest = torch.finfo(x.dtype).min
    mask = torch.full((seq, keys), fill_value=lowest, dtype=x.dtype,
                      device=x.device)
    mask = torch.triu(mask, diagonal=1)
    mask *= torch.arange(keys, device=x.device) > rows.reshape(-1, 1)
    mask = mask[None, None, :, :].expand(batch, 1, -1, -1).clone()
    # Zero now: reachable by causality, yet a padding key.
    hidden = mask[:, :, :, :keys] + attention_mask[:, None, None, :]
    hidden = hidden == 0
    mask[:, :, :, :keys] = mask[:, :, :, :keys].masked_fill(hidden, lowest)
    return mask


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size,
                                         config.hidden_size)
        self.layers = nn.ModuleList(Layer(config)
                                    for _ in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary_emb = RotaryEmbedding(config)

    def forward(self, input_ids, attention_mask, position_ids):
        x = self.embed_tokens(input_ids)
        mask = causal_mask(attention_mask, x)
        rotary = self.rotary_emb(x, position_ids)
        for layer in self.layers:
            x = layer(x, mask, rotary)
        return self.norm(x)


class CausalLM(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = Model(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size,
                                 bias=False)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=config.initializer_range)

    def forward(self, input_ids, attention_mask, position_ids):
        return self.lm_head(
            self.model(input_ids, attention_mask, position_ids))


class Exported(nn.Module):
    """Adds the `/m` level that an export wrapper leaves in node names."""

    def __init__(self, lm):
        super().__init__()
        self.m = lm

    def forward(self, input_ids, attention_mask, position_ids):
        return self.m(input_ids, attention_mask, position_ids)
