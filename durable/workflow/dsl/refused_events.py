"""Features of events, schedules and sub-workflows that have no runtime, each with the reason that a person reads."""

REFUSED = {
    "schedule after": "schedules have no runtime yet",
    "schedule cron": "schedules have no runtime yet",
    "schedule every": "schedules have no runtime yet",
    "schedule on": "schedules have no runtime yet",
}
