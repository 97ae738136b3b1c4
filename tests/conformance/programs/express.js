// An appointment reminder, as its author wrote it for Twilio: Express with twilio.webhook().
"use strict";
const express = require("express");
const twilio = require("twilio");

const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_BASE_URL, PORT, REMINDER_TO, REMINDER_FROM } = process.env;
const client = twilio(TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN);
client.api.baseUrl = TWILIO_BASE_URL;

const app = express();
app.use(express.urlencoded({ extended: false }));

app.post("/voice", twilio.webhook(), (req, res) => {
  const response = new twilio.twiml.VoiceResponse();
  const gather = response.gather({ numDigits: 1, action: "/confirm?kind=appointment", timeout: 6 });
  gather.say({ language: "en-US" }, "You have an appointment tomorrow. Press 1 to confirm.");
  response.say("We did not hear from you. Good bye.");
  res.type("text/xml").send(response.toString());
});

app.post("/confirm", twilio.webhook(), async (req, res) => {
  console.log(`confirmed ${req.query.kind} ${req.body.Digits}`);
  const sent = await client.messages.create({ to: req.body.To, from: req.body.From, body: "See you tomorrow" });
  console.log(`sent ${sent.sid}`);
  const response = new twilio.twiml.VoiceResponse();
  response.play({ digits: "1w2" });
  response.hangup();
  res.type("text/xml").send(response.toString());
});

app.post("/events", twilio.webhook(), (req, res) => {
  console.log(`event ${req.body.CallStatus} ${req.body.SequenceNumber}`);
  res.sendStatus(204);
});

app.post("/sms", twilio.webhook(), (req, res) => {
  const response = new twilio.twiml.MessagingResponse();
  response.message({ action: "/sms-events" }, `You said: ${req.body.Body}`);
  res.type("text/xml").send(response.toString());
});

app.post("/sms-events", twilio.webhook(), (req, res) => {
  console.log(`sms ${req.body.MessageStatus}`);
  res.sendStatus(204);
});

const server = app.listen(Number(PORT), "127.0.0.1", async () => {
  console.log(`listening ${server.address().port}`);
  const base = `http://127.0.0.1:${server.address().port}`;
  if (!REMINDER_TO) return;
  const call = await client.calls.create({
    to: REMINDER_TO,
    from: REMINDER_FROM,
    url: `${base}/voice`,
    statusCallback: `${base}/events`,
    statusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
  });
  console.log(`call ${call.sid}`);
});
