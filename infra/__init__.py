"""How the platform is built and run on Azure, and the checks of it that need neither Azure nor Docker."""
