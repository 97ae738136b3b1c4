"""A survey by SMS, as its author wrote it for Twilio: Flask sessions by cookie, MessagingResponse, status callbacks."""

import os
from functools import wraps

from flask import Flask, Response, abort, request, session, url_for
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse

app = Flask(__name__)
app.secret_key = "a survey"
client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
client.api.base_url = os.environ["TWILIO_BASE_URL"]

QUESTIONS = ["How many children under five?", "Is there clean water?"]


def validate_twilio_request(f):
    """Lets in what Twilio has signed, and nothing else."""

    @wraps(f)
    def decorated_function(*args, **kwargs):
        validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
        if not validator.validate(request.url, request.form, request.headers.get("X-Twilio-Signature", "")):
            return abort(403)
        return f(*args, **kwargs)

    return decorated_function


@app.route("/sms", methods=["POST"])
@validate_twilio_request
def sms():
    """The question that comes next is remembered in a cookie, which comes back with the sender's next message."""
    asked = session.get("asked", 0)
    response = MessagingResponse()
    if asked:
        app.logger.info("answer %s %s", asked, request.form["Body"])
    if asked < len(QUESTIONS):
        response.message(QUESTIONS[asked])
        session["asked"] = asked + 1
    else:
        response.message("Thank you!")
        session.clear()
        client.messages.create(
            to=os.environ["SUPERVISOR_NUMBER"],
            from_=request.form["To"],
            body=f"{request.form['From']} has answered",
            status_callback=url_for("status", _external=True),
        )
    return Response(str(response), mimetype="application/xml")


@app.route("/status", methods=["POST"])
@validate_twilio_request
def status():
    app.logger.info("status %s", request.form["MessageStatus"])
    return "", 204
