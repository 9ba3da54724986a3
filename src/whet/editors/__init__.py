"""whet for editors: the server of ``whet lsp``. What speaks its protocol needs the extra ``lsp``."""
