"""Write a folder with a Gemma 4 of a million random parameters: `python tiny_gemma4.py FOLDER`, in the server's venv.

The architecture, the special tokens and everything that decides how many tokens an image or a sound costs are those of
the published google/gemma-4-12B-it; width, depth and vocabulary are tiny. What it says is nonsense, how it is asked is
not. Nothing is downloaded: the vocabulary is learned from the standard library's sources.
"""

from __future__ import annotations

import json
import string
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    Gemma4UnifiedAudioConfig,
    Gemma4UnifiedConfig,
    Gemma4UnifiedForConditionalGeneration,
    Gemma4UnifiedProcessor,
    Gemma4UnifiedTextConfig,
    Gemma4UnifiedVisionConfig,
    GemmaTokenizer,
    GenerationConfig,
)
from transformers.models.gemma4_unified.feature_extraction_gemma4_unified import Gemma4UnifiedAudioFeatureExtractor
from transformers.models.gemma4_unified.image_processing_gemma4_unified import Gemma4UnifiedImageProcessor
from transformers.models.gemma4_unified.video_processing_gemma4_unified import Gemma4UnifiedVideoProcessor

VOCABULARY = 4096
WIDTH = 64
LAYERS = ("sliding_attention", "full_attention", "sliding_attention", "full_attention")
GLOBAL_HEAD = 64
TEMPLATE = Path(__file__).with_name("chat_template.jinja")

PLAIN = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
NAMED = {  #: attribute of the tokenizer → token, as in the published tokenizer_config.json
    "std_token": "<|tool>",
    "etd_token": "<tool|>",
    "stc_token": "<|tool_call>",
    "etc_token": "<tool_call|>",
    "str_token": "<|tool_response>",
    "etr_token": "<tool_response|>",
    "escape_token": '<|"|>',
    "think_token": "<|think|>",
    "soc_token": "<|channel>",
    "eoc_token": "<channel|>",
    "sot_token": "<|turn>",
    "eot_token": "<turn|>",
    "boi_token": "<|image>",
    "boa_token": "<|audio>",
    "image_token": "<|image|>",
    "audio_token": "<|audio|>",
    "eoi_token": "<image|>",
    "eoa_token": "<audio|>",
}
VIDEO = "<|video|>"
#: Spread of the random weights. With smaller ones the tied embeddings make the model repeat the last token for ever.
SPREAD, SPREAD_OUT = 0.08, 0.35


def main(folder: Path) -> None:
    """Write everything a server loads into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    save_model(folder, tokenizer)
    correct_config(folder / "config.json")
    Gemma4UnifiedProcessor(
        feature_extractor=Gemma4UnifiedAudioFeatureExtractor(),
        image_processor=Gemma4UnifiedImageProcessor(),
        tokenizer=tokenizer,
        video_processor=Gemma4UnifiedVideoProcessor(),
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
        image_seq_length=280,
        audio_seq_length=750,
        audio_ms_per_token=40,
    ).save_pretrained(folder)


def make_tokenizer() -> GemmaTokenizer:
    """Byte pairs over ▁, as the real one; the special tokens come first."""
    special = [*PLAIN, *NAMED.values(), VIDEO, *(f"<0x{byte:02X}>" for byte in range(256))]
    learner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    learner.normalizer = normalizers.Replace(" ", "▁")
    learner.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    learner.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=list(string.printable),
        limit_alphabet=400,
        show_progress=False,
    )
    learner.train_from_iterator(corpus(), trainer)
    learned = json.loads(learner.to_str())["model"]
    return GemmaTokenizer(
        vocab=learned["vocab"],
        merges=[tuple(merge) for merge in learned["merges"]],
        padding_side="left",
        extra_special_tokens=dict(NAMED),
        additional_special_tokens=[VIDEO],
        model_max_length=10**30,
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
    )


def corpus() -> Iterator[str]:
    """Text that is on every machine."""
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:80]:
        yield from file.read_text(encoding="utf-8", errors="ignore").splitlines(keepends=True)
    yield from (string.printable, '{"answer": "x", "page": 1, "quotes": [{"page": 1, "text": "y"}]}', "true false null")


def save_model(folder: Path, tokenizer: GemmaTokenizer) -> None:
    """Configuration, random weights and generation settings."""
    number = tokenizer.convert_tokens_to_ids
    text = Gemma4UnifiedTextConfig(
        vocab_size=(len(tokenizer) + 63) // 64 * 64,
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=len(LAYERS),
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        global_head_dim=GLOBAL_HEAD,
        num_global_key_value_heads=1,
        attention_k_eq_v=True,
        layer_types=list(LAYERS),
        sliding_window=1024,
        max_position_embeddings=262_144,
        final_logit_softcapping=30.0,
        use_bidirectional_attention="vision",
        tie_word_embeddings=True,
        pad_token_id=number("<pad>"),
        eos_token_id=number("<eos>"),
        bos_token_id=number("<bos>"),
    )
    config = Gemma4UnifiedConfig(
        text_config=text,
        vision_config=Gemma4UnifiedVisionConfig(mm_embed_dim=WIDTH, output_proj_dims=WIDTH),
        audio_config=Gemma4UnifiedAudioConfig(),
        tie_word_embeddings=True,
        boi_token_id=number("<|image>"),
        eoi_token_id=number("<image|>"),
        image_token_id=number("<|image|>"),
        video_token_id=number(VIDEO),
        boa_token_id=number("<|audio>"),
        eoa_token_index=number("<audio|>"),
        audio_token_id=number("<|audio|>"),
    )
    torch.manual_seed(0)
    model = Gemma4UnifiedForConditionalGeneration(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, SPREAD_OUT if "o_proj" in name or "down_proj" in name else SPREAD)
    model.generation_config = GenerationConfig(
        bos_token_id=number("<bos>"),
        eos_token_id=[number("<eos>"), number("<turn|>"), number("<|tool_response>")],
        pad_token_id=number("<pad>"),
        suppress_tokens=[number("<audio|>"), number("<image|>")],
        do_sample=True,
        temperature=1.0,
        top_k=64,
        top_p=0.95,
    )
    model.to(torch.bfloat16).eval().save_pretrained(folder)


def correct_config(file: Path) -> None:
    """Put back what the published config.json has and vLLM reads, but transformers from 5.17 on does not write."""
    config = json.loads(file.read_text(encoding="utf-8"))
    text = config["text_config"]
    text.pop("per_layer_config", None)
    text |= {"global_head_dim": GLOBAL_HEAD, "num_global_key_value_heads": 1, "hidden_size_per_layer_input": 0}
    text |= {"enable_moe_block": False, "num_experts": None, "top_k_experts": None, "moe_intermediate_size": None}
    text["vocab_size_per_layer_input"] = text["vocab_size"]
    config["vision_config"] |= {"num_soft_tokens": 280, "model_patch_size": 48}
    config["audio_config"] |= {"hidden_size": 640, "output_proj_dims": 640, "audio_samples_per_token": 640}
    file.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
