"""Timer and warm-up triggers."""

import logging

import azure.functions as func

app = func.FunctionApp()


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def yearly(timer: func.TimerRequest) -> None:
    logging.info("yearly past_due=%s", timer.past_due)


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def every_second(timer: func.TimerRequest) -> None:
    logging.info("second %s", timer.schedule_status["Next"])


@app.warm_up_trigger(arg_name="warm")
def warm(warm) -> None:
    logging.info("warmed up")
