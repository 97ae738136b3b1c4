"""What a verification says, by locale. Written by us; no native speaker has checked them, see docs/api.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VerifyText:
    """``code`` holds ``{name}`` and leads up to the digits. ``warning``: to tell nobody. ``press``: to hear it."""

    code: str
    warning: str
    press: str


DEFAULT = "en"

TEXTS: dict[str, VerifyText] = {
    "af": VerifyText(
        "Jou {name}-verifikasiekode is:", "Moenie dit met iemand deel nie.", "Druk enige sleutel om die kode te hoor."
    ),
    "am": VerifyText("የ{name} ማረጋገጫ ኮድዎ፦", "ለማንም አያጋሩ።", "ኮዱን ለመስማት ማንኛውንም ቁልፍ ይጫኑ።"),
    "ar": VerifyText("رمز التحقق الخاص بك في {name} هو:", "لا تشاركه مع أحد.", "اضغط أي مفتاح لسماع الرمز."),
    "bn": VerifyText("আপনার {name} যাচাই কোড:", "এটি কাউকে জানাবেন না।", "কোডটি শুনতে যেকোনো বোতাম চাপুন।"),
    "ca": VerifyText(
        "El teu codi de verificació de {name} és:",
        "No el comparteixis amb ningú.",
        "Prem qualsevol tecla per escoltar el codi.",
    ),
    "cs": VerifyText(
        "Váš ověřovací kód pro {name} je:", "Nikomu ho nesdělujte.", "Stiskněte libovolnou klávesu a uslyšíte kód."
    ),
    "da": VerifyText(
        "Din bekræftelseskode til {name} er:", "Del den ikke med nogen.", "Tryk på en tast for at høre koden."
    ),
    "de": VerifyText(
        "Ihr {name}-Bestätigungscode lautet:",
        "Geben Sie ihn nicht weiter.",
        "Drücken Sie eine Taste, um den Code zu hören.",
    ),
    "el": VerifyText(
        "Ο κωδικός επαλήθευσης για {name} είναι:",
        "Μην τον δώσετε σε κανέναν.",
        "Πατήστε ένα πλήκτρο για να ακούσετε τον κωδικό.",
    ),
    "en": VerifyText(
        "Your {name} verification code is:", "Don't share it with anyone.", "Press any key to hear the code."
    ),
    "en-GB": VerifyText(
        "Your {name} verification code is:", "Don't share it with anyone.", "Press any key to hear the code."
    ),
    "es": VerifyText(
        "Tu código de verificación de {name} es:",
        "No lo compartas con nadie.",
        "Pulsa cualquier tecla para escuchar el código.",
    ),
    "et": VerifyText(
        "Sinu {name} kinnituskood on:", "Ära jaga seda kellegagi.", "Koodi kuulmiseks vajuta mis tahes klahvi."
    ),
    "fi": VerifyText(
        "{name}-vahvistuskoodisi on:", "Älä kerro sitä kenellekään.", "Paina mitä tahansa näppäintä kuullaksesi koodin."
    ),
    "fr": VerifyText(
        "Votre code de vérification {name} est :",
        "Ne le communiquez à personne.",
        "Appuyez sur une touche pour entendre le code.",
    ),
    "he": VerifyText("קוד האימות שלך ל-{name} הוא:", "אין לשתף אותו עם איש.", "הקישו על מקש כלשהו כדי לשמוע את הקוד."),
    "hi": VerifyText("आपका {name} सत्यापन कोड है:", "इसे किसी को न बताएं।", "कोड सुनने के लिए कोई भी बटन दबाएं।"),
    "hr": VerifyText(
        "Vaš kôd za potvrdu za {name} je:", "Ne dijelite ga ni s kim.", "Pritisnite bilo koju tipku da čujete kôd."
    ),
    "hu": VerifyText(
        "Az Ön {name} ellenőrző kódja:", "Ne ossza meg senkivel.", "A kód meghallgatásához nyomjon meg egy gombot."
    ),
    "id": VerifyText(
        "Kode verifikasi {name} Anda:",
        "Jangan bagikan kepada siapa pun.",
        "Tekan tombol apa saja untuk mendengar kode.",
    ),
    "it": VerifyText(
        "Il tuo codice di verifica {name} è:",
        "Non condividerlo con nessuno.",
        "Premi un tasto per ascoltare il codice.",
    ),
    "ja": VerifyText(
        "{name} の認証コード:", "誰にも教えないでください。", "コードを聞くには、いずれかのキーを押してください。"
    ),
    "km": VerifyText("លេខកូដផ្ទៀងផ្ទាត់ {name} របស់អ្នកគឺ៖", "សូមកុំប្រាប់នរណាម្នាក់។", "សូមចុចលេខណាមួយដើម្បីស្តាប់លេខកូដ។"),
    "kn": VerifyText("ನಿಮ್ಮ {name} ಪರಿಶೀಲನಾ ಕೋಡ್:", "ಇದನ್ನು ಯಾರೊಂದಿಗೂ ಹಂಚಿಕೊಳ್ಳಬೇಡಿ.", "ಕೋಡ್ ಕೇಳಲು ಯಾವುದೇ ಕೀಲಿ ಒತ್ತಿ."),
    "ko": VerifyText("{name} 인증 코드:", "누구에게도 알려주지 마세요.", "코드를 들으려면 아무 키나 누르세요."),
    "lo": VerifyText("ລະຫັດຢືນຢັນ {name} ຂອງທ່ານແມ່ນ:", "ຢ່າບອກຜູ້ໃດ.", "ກົດປຸ່ມໃດກໍໄດ້ເພື່ອຟັງລະຫັດ."),
    "lt": VerifyText(
        "Jūsų {name} patvirtinimo kodas:",
        "Niekam jo nesakykite.",
        "Paspauskite bet kurį klavišą, kad išgirstumėte kodą.",
    ),
    "mr": VerifyText("तुमचा {name} पडताळणी कोड आहे:", "तो कोणालाही सांगू नका.", "कोड ऐकण्यासाठी कोणतेही बटण दाबा."),
    "ms": VerifyText(
        "Kod pengesahan {name} anda ialah:",
        "Jangan kongsi dengan sesiapa.",
        "Tekan sebarang kekunci untuk mendengar kod.",
    ),
    "my": VerifyText("သင်၏ {name} အတည်ပြုကုဒ်:", "မည်သူ့ကိုမျှ မပြောပါနှင့်။", "ကုဒ်ကို နားထောင်ရန် ခလုတ်တစ်ခုခု နှိပ်ပါ။"),
    "nb": VerifyText(
        "Bekreftelseskoden din for {name} er:", "Ikke del den med noen.", "Trykk på en tast for å høre koden."
    ),
    "nl": VerifyText(
        "Je verificatiecode voor {name} is:", "Deel hem met niemand.", "Druk op een toets om de code te horen."
    ),
    "pl": VerifyText(
        "Twój kod weryfikacyjny {name} to:", "Nie podawaj go nikomu.", "Naciśnij dowolny klawisz, aby usłyszeć kod."
    ),
    "pt": VerifyText(
        "O seu código de verificação {name} é:",
        "Não o partilhe com ninguém.",
        "Prima qualquer tecla para ouvir o código.",
    ),
    "pt-BR": VerifyText(
        "Seu código de verificação {name} é:",
        "Não o compartilhe com ninguém.",
        "Pressione qualquer tecla para ouvir o código.",
    ),
    "ro": VerifyText(
        "Codul dvs. de verificare {name} este:", "Nu îl spuneți nimănui.", "Apăsați orice tastă pentru a auzi codul."
    ),
    "ru": VerifyText(
        "Ваш код подтверждения {name}:", "Никому его не сообщайте.", "Нажмите любую клавишу, чтобы услышать код."
    ),
    "sk": VerifyText(
        "Váš overovací kód pre {name} je:", "Nikomu ho neprezrádzajte.", "Stlačte ľubovoľný kláves a budete počuť kód."
    ),
    "sv": VerifyText(
        "Din verifieringskod för {name} är:", "Dela den inte med någon.", "Tryck på valfri knapp för att höra koden."
    ),
    "sw": VerifyText(
        "Msimbo wako wa uthibitisho wa {name} ni:", "Usimpe mtu yeyote.", "Bonyeza kitufe chochote ili kusikia msimbo."
    ),
    "te": VerifyText("మీ {name} ధృవీకరణ కోడ్:", "దీన్ని ఎవరికీ చెప్పవద్దు.", "కోడ్ వినడానికి ఏదైనా కీ నొక్కండి."),
    "th": VerifyText("รหัสยืนยัน {name} ของคุณคือ:", "อย่าบอกใคร", "กดปุ่มใดก็ได้เพื่อฟังรหัส"),
    "tl": VerifyText(
        "Ang iyong {name} verification code ay:",
        "Huwag itong ibahagi kaninuman.",
        "Pindutin ang kahit anong key para marinig ang code.",
    ),
    "tr": VerifyText("{name} doğrulama kodunuz:", "Kimseyle paylaşmayın.", "Kodu duymak için herhangi bir tuşa basın."),
    "uk": VerifyText(
        "Ваш код підтвердження {name}:", "Нікому його не повідомляйте.", "Натисніть будь-яку клавішу, щоб почути код."
    ),
    "vi": VerifyText("Mã xác minh {name} của bạn là:", "Không chia sẻ với bất kỳ ai.", "Nhấn phím bất kỳ để nghe mã."),
    "zh": VerifyText("您的 {name} 验证码是：", "请勿告诉任何人。", "请按任意键收听验证码。"),
    "zh-CN": VerifyText("您的 {name} 验证码是：", "请勿告诉任何人。", "请按任意键收听验证码。"),
    "zh-HK": VerifyText("您的 {name} 驗證碼是：", "請勿告訴任何人。", "請按任意鍵收聽驗證碼。"),
}
"""Locale, as Twilio writes it → its sentences."""

BY_COUNTRY = {
    "AE": "ar", "AR": "es", "AT": "de", "BD": "bn", "BR": "pt-BR", "CL": "es", "CN": "zh-CN", "CO": "es", "CZ": "cs",
    "DE": "de", "DK": "da", "DZ": "ar", "EE": "et", "EG": "ar", "ES": "es", "ET": "am", "FI": "fi", "FR": "fr",
    "GR": "el", "HK": "zh-HK", "HR": "hr", "HU": "hu", "ID": "id", "IL": "he", "IT": "it", "JO": "ar", "JP": "ja",
    "KE": "sw", "KH": "km", "KR": "ko", "LA": "lo", "LT": "lt", "MA": "ar", "MM": "my", "MX": "es", "MY": "ms",
    "NL": "nl", "NO": "nb", "PE": "es", "PH": "tl", "PL": "pl", "PT": "pt", "RO": "ro", "RU": "ru", "SA": "ar",
    "SE": "sv", "SK": "sk", "SN": "fr", "TH": "th", "TN": "ar", "TR": "tr", "TW": "zh", "TZ": "sw", "UA": "uk",
    "VN": "vi",
}  # fmt: skip
"""The locale of a number's country, for those who name none; elsewhere it is English."""


def known_locale(text: str) -> str | None:
    """``pt-br`` → ``pt-BR``; ``fr-CA``, of which there is no text, → ``fr``. None for a language without a text."""
    wanted = text.replace("_", "-").lower()
    names = {name.lower(): name for name in TEXTS}
    return names.get(wanted) or names.get(wanted.partition("-")[0])


def locale_of(country: str) -> str:
    """The locale for a number of this country (ISO 3166-1, two letters)."""
    return BY_COUNTRY.get(country, DEFAULT)


def sms_body(locale: str, name: str, code: str, *, warning: bool, payment: str = "") -> str:
    """The message. ``payment``: amount and payee, which PSD2 wants said."""
    text = TEXTS[locale]
    said = f"{payment}. " if payment else ""
    return f"{said}{text.code.format(name=name)} {code}" + (f". {text.warning}" if warning else "")
