"""What the platform and Microsoft's applications do with rows beyond storing them."""
