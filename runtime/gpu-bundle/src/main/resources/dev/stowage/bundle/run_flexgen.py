# Runs FlexGen's own benchmark with no more GPU memory than it is given, and without a network:
#   python3 -c THIS BYTES MODULE FLEXGEN'S ARGUMENTS...
# FlexGen fetches a tokenizer only to fill prompts of a given length, which a stand-in does here.
import runpy
import sys
import types

import torch

memory = torch.cuda.get_device_properties(0).total_memory
torch.cuda.set_per_process_memory_fraction(min(1.0, int(sys.argv[1]) / memory))


class AutoTokenizer:
    @classmethod
    def from_pretrained(cls, *names, **options):
        return cls()

    def __call__(self, prompts, padding, max_length):
        return types.SimpleNamespace(input_ids=[[1] * (max_length - 2) + [2, 1000]] * len(prompts))


transformers = types.ModuleType("transformers")
transformers.AutoTokenizer = AutoTokenizer
sys.modules["transformers"] = transformers
module = sys.argv[2]
sys.argv = [module] + sys.argv[3:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
