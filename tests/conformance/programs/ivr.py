"""A phone tree for a clinic, as its author wrote it for Twilio: Flask, VoiceResponse, and a check of the signature."""

import os
from functools import wraps

from flask import Flask, Response, abort, request, url_for
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

app = Flask(__name__)

DEPARTMENTS = {"2": ("pharmacy", os.environ.get("PHARMACY_NUMBER", "")), "3": ("laboratory", "")}


def validate_twilio_request(f):
    """Lets in what Twilio has signed, and nothing else."""

    @wraps(f)
    def decorated_function(*args, **kwargs):
        validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
        request_valid = validator.validate(request.url, request.form, request.headers.get("X-Twilio-Signature", ""))
        if not request_valid:
            return abort(403)
        return f(*args, **kwargs)

    return decorated_function


def twiml(response):
    return Response(str(response), mimetype="text/xml")


@app.route("/ivr/welcome", methods=["POST"])
@validate_twilio_request
def welcome():
    response = VoiceResponse()
    with response.gather(num_digits=1, action=url_for("menu"), method="POST", timeout=4) as g:
        g.say(message="Thank you for calling. Press 1 to leave a message, 2 for the pharmacy.", loop=2)
    response.redirect(url_for("welcome"))
    return twiml(response)


@app.route("/ivr/menu", methods=["POST"])
@validate_twilio_request
def menu():
    selected = request.form["Digits"]
    if selected == "1":
        return _voicemail()
    if selected in DEPARTMENTS:
        return _department(*DEPARTMENTS[selected])
    response = VoiceResponse()
    response.say("Returning to the main menu", voice="Polly.Amy", language="en-GB")
    response.redirect(url_for("welcome"))
    return twiml(response)


def _voicemail():
    response = VoiceResponse()
    response.say("Please leave a message at the beep. Press the star key when finished.")
    response.record(
        action=url_for("recorded"),
        max_length=3,
        finish_on_key="*",
        recording_status_callback=url_for("recording_ready", _external=True),
    )
    response.say("I did not receive a recording.")
    return twiml(response)


def _department(name, number):
    response = VoiceResponse()
    response.say(f"Connecting you to the {name}")
    response.dial(number, action=url_for("after_dial"), timeout=15)
    return twiml(response)


@app.route("/ivr/recorded", methods=["POST"])
@validate_twilio_request
def recorded():
    app.logger.info("voicemail %s of %s s", request.form["RecordingUrl"], request.form["RecordingDuration"])
    response = VoiceResponse()
    response.say("Thank you. Good bye.")
    response.hangup()
    return twiml(response)


@app.route("/ivr/recording-ready", methods=["POST"])
@validate_twilio_request
def recording_ready():
    app.logger.info("ready %s %s", request.form["RecordingSid"], request.form["RecordingStatus"])
    return "", 204


@app.route("/ivr/after-dial", methods=["POST"])
@validate_twilio_request
def after_dial():
    response = VoiceResponse()
    if request.form["DialCallStatus"] != "completed":
        gather = Gather(num_digits=1, action=url_for("menu"))
        gather.say("Nobody is there. Press 1 to leave a message.")
        response.append(gather)
    response.hangup()
    app.logger.info("dialled %s", request.form["DialCallStatus"])
    return twiml(response)
