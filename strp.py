import os

if os.environ.get("STRP"):
    import pandas as pd

    pd.options.mode.string_storage = "python"
