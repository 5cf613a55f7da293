"""The suite itself: its checks can fail, its reports hold what was found."""
