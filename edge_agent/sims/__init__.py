"""SIMs as things that live for years: their health, their accounts, their quotas."""
