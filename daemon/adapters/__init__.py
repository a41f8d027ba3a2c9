"""Everything that touches the outside. Each module or package wraps one library and knows no other adapter."""
