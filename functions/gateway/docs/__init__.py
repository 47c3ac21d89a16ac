"""The page that shows the merged OpenAPI document, with all that it loads: nothing comes from elsewhere."""
