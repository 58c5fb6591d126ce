"""Tiny, random Stable Diffusion pipelines in diffusers' own format: 8×8 latents, 16×16 pixels, under 1 MB."""

import json

LATENTS, PIXELS, TOKENS = 8, 16, 77
SCHEDULE = dict(
    beta_schedule="scaled_linear",
    beta_start=0.00085,
    beta_end=0.012,
    num_train_timesteps=1000,
    steps_offset=1,
    set_alpha_to_one=False,
)


def make(folder, xl=False, prediction="epsilon", seed=0, **scheduler):
    """Write a pipeline to ``folder`` and return that.

    A 2-level UNet with cross attention, a VAE, text encoders and tokenizers of their own; a PNDM configuration
    as Stable Diffusion 1.5 has, with ``scheduler`` keys over it.
    """
    import torch
    from diffusers import PNDMScheduler

    ends = ("", "_2") if xl else ("",)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet(xl).save_pretrained(folder / "unet")
        vae(xl).save_pretrained(folder / "vae")
        for end in ends:
            vocabulary = tokenizer(folder / f"tokenizer{end}")
            text_encoder(vocabulary, projected=end == "_2").save_pretrained(folder / f"text_encoder{end}")
    config = {**SCHEDULE, "skip_prk_steps": True, "prediction_type": prediction} | scheduler
    config |= {"_class_name": "PNDMScheduler", "clip_sample": False}
    PNDMScheduler.from_config(config).save_pretrained(folder / "scheduler")
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(config))
    index = {
        "_class_name": "StableDiffusionXLPipeline" if xl else "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "scheduler": ["diffusers", "PNDMScheduler"],
        **{f"tokenizer{end}": ["transformers", "CLIPTokenizer"] for end in ends},
        **{
            f"text_encoder{end}": ["transformers", "CLIPTextModelWithProjection" if end else "CLIPTextModel"]
            for end in ends
        },
    }
    index |= (
        {"force_zeros_for_empty_prompt": True}
        if xl
        else {"safety_checker": [None, None], "feature_extractor": [None, None]}
    )
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder


def unet(xl):
    from diffusers import UNet2DConditionModel

    more = (
        dict(
            addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + 32
        )
        if xl
        else {}
    )
    return UNet2DConditionModel(
        sample_size=LATENTS,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(16, 32),
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=64 if xl else 32,
        attention_head_dim=4,
        **more,
    )


def vae(xl):
    from diffusers import AutoencoderKL

    normalised = (
        dict(latents_mean=[20.0, -40.0, 30.0, 0.0], latents_std=[1.5, 0.5, 1.0, 2.0]) if xl else {}
    )  # as some XL's have it
    return AutoencoderKL(
        sample_size=PIXELS,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        scaling_factor=0.13025 if xl else 0.18215,
        force_upcast=xl,
        **normalised,
    )


def text_encoder(vocabulary, projected):
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        projection_dim=32,
        bos_token_id=vocabulary["<|startoftext|>"],
        eos_token_id=vocabulary["<|endoftext|>"],
        pad_token_id=vocabulary["<|endoftext|>"],
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def tokenizer(folder):
    """Write a CLIP tokenizer of single bytes and two merges; returns its vocabulary."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\n")
    special = dict(
        bos_token="<|startoftext|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>", unk_token="<|endoftext|>"
    )
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS, **special})
    )
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    return vocabulary


def make_tiny_decoder(folder, seed=0):
    """Write an AutoencoderTiny that takes 8×8 latents to 16×16 pixels. Returns the folder."""
    import torch
    from diffusers import AutoencoderTiny

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        AutoencoderTiny(
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            num_encoder_blocks=(1, 1),
            num_decoder_blocks=(1, 1),
        ).save_pretrained(folder)
    return folder
