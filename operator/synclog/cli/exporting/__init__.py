"""The commands of ``synclog-export``, one module each."""
