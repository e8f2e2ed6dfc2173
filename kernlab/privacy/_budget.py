class PrivacyBudget:
    pass
