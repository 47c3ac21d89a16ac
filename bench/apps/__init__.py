"""What the benches run: function apps by folder, and the bare peers beside them."""
