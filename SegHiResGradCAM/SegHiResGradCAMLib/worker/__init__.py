"""The client of the engine's process: started, asked, listened to, ended."""
