"""Runs beside torch and transformers: a model's folder to an ONNX file of its hidden states."""

import sys
from pathlib import Path

import torch
from transformers import AutoModel


class Hidden(torch.nn.Module):
    """The last hidden states alone: who reads the file pools by itself."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        answer = self.model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        )
        states: torch.Tensor = answer.last_hidden_state
        return states


model = AutoModel.from_pretrained(Path(sys.argv[1]), attn_implementation="eager").eval()
ids = torch.randint(5, 1000, (2, 9))
inputs = ["input_ids", "attention_mask", "token_type_ids"]
outputs = ["last_hidden_state"]
# The older exporter: the file is like the one that the model's page offers.
torch.onnx.export(
    Hidden(model),
    (ids, torch.ones_like(ids), torch.zeros_like(ids)),
    sys.argv[2],
    input_names=inputs,
    output_names=outputs,
    dynamic_axes={name: {0: "batch", 1: "tokens"} for name in inputs + outputs},
    opset_version=17,
    dynamo=False,
)
