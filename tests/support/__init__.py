"""What tests share: which parts are on this machine, real server processes, waits that explain themselves."""
