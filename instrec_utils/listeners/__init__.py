"""What people recognise: a kit that a laboratory hands out, and the answers that come back."""
