"""The shared statistics under the decisions: numpy and scipy, pure; knows counts and rates, not ads."""
