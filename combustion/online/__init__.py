"""The closures in the loop: a filtered flame that burns by one."""
