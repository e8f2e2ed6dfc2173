class PrivacyBudget: pass
