"""Invented people and firms of twelve countries: common given names, common family names, and real towns.

Any likeness to a person or firm is chance. Mail addresses end in domains that are reserved for examples.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_PLAIN = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "ı": "i", "ø": "o", "Ø": "O"})


@dataclass(frozen=True, slots=True)
class Town:
    name: str
    postcode: str
    region: str
    street: str


@dataclass(frozen=True, slots=True)
class Country:
    """legal_form: what the name of a firm ends in. salary: the usual lowest and highest of a year."""

    code: str
    currency: str
    salary: tuple[int, int]
    legal_form: str
    zone: str
    towns: tuple[Town, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]


def _country(code: str, pay: str, legal_form: str, zone: str, towns: str, given: str, family: str) -> Country:
    """pay: `GBP 28000 96000`. towns: one a line, its parts separated by bars. Names: separated by blanks."""
    currency, low, high = pay.split()
    parts = [[part.strip() for part in line.split("|")] for line in towns.strip().splitlines()]
    return Country(
        code=code,
        currency=currency,
        salary=(int(low), int(high)),
        legal_form=legal_form,
        zone=zone,
        towns=tuple(Town(name, postcode, region, street) for name, postcode, region, street in parts),
        given=tuple(given.split()),
        family=tuple(family.split()),
    )


COUNTRIES: tuple[Country, ...] = (
    _country(
        "GB",
        "GBP 28000 96000",
        "Ltd",
        "GMT",
        """London | N1 9GU | | Caledonian Road
        Leeds | LS1 4DY | | Wellington Street
        Bristol | BS1 6QF | | Redcliff Street""",
        "Ada Oliver Amelia Harry Isla George Freya Callum Niamh Rhys",
        "Byron Hughes Ashworth Campbell Doyle Pritchard Whitlock Mercer Okafor Lindsay",
    ),
    _country(
        "DE",
        "EUR 36000 98000",
        "GmbH",
        "CET",
        """Walldorf | 69190 | BW | Bahnhofstraße
        Köln | 50667 | NW | Hohe Straße
        Leipzig | 04109 | SN | Brühl""",
        "Jörg Käthe Lukas Anneliese Björn Ute Matthias Gesa Jürgen Sönke",
        "Müller Weiß Groß Schäfer Krüger Löwe Brandt Vogt Nußbaum Ziegler",
    ),
    _country(
        "FR",
        "EUR 32000 88000",
        "SARL",
        "CET",
        """Lyon | 69002 | | Rue de la République
        Nantes | 44000 | | Quai de la Fosse
        Lille | 59800 | | Rue Faidherbe""",
        "Chloé François Inès Étienne Maëlle Rémi Océane Benoît Anaïs Théo",
        "Lefèvre Dubois Garçon Moreau Béranger Fontaine Chevalier Rousseau Gauthier Noël",
    ),
    _country(
        "ES",
        "EUR 24000 70000",
        "S.L.",
        "CET",
        """Sevilla | 41001 | | Calle Sierpes
        Bilbao | 48001 | | Gran Vía
        Valencia | 46002 | | Carrer de Colom""",
        "Íñigo Lucía Álvaro Begoña Martín Nuria Andrés Pilar Sergio Rocío",
        "Muñoz Ibáñez Peña Castaño Gutiérrez Roldán Serrano Vázquez Nieto Cordón",
    ),
    _country(
        "PL",
        "PLN 84000 260000",
        "Sp. z o.o.",
        "CET",
        """Gdańsk | 80-831 | | ul. Długa
        Łódź | 90-001 | | ul. Piotrkowska
        Kraków | 31-042 | | ul. Floriańska""",
        "Michał Agnieszka Paweł Małgorzata Łukasz Zofia Wojciech Bożena Stanisław Ewa",
        "Wójcik Kamiński Dąbrowska Zając Król Wróbel Jabłoński Pawlak Sikora Gołąb",
    ),
    _country(
        "US",
        "USD 48000 165000",
        "Inc.",
        "EST",
        """Cambridge | 02139 | MA | Massachusetts Avenue
        Columbus | 43215 | OH | North High Street
        Portland | 97204 | OR | SW Morrison Street""",
        "Mia Ethan Harper Mason Zoe Logan Naomi Caleb Ruth Wyatt",
        "Whitaker Nguyen Delgado Brooks Hollis Ramirez Stone Kowalski Bennett Tran",
    ),
    _country(
        "IN",
        "INR 900000 4200000",
        "Pvt. Ltd.",
        "INDIA",
        """Pune | 411004 | | Fergusson College Road
        Chennai | 600002 | | Anna Salai
        Bengaluru | 560001 | | MG Road""",
        "Ananya Rohan Priya Arjun Kavya Vikram Meera Aditya Lakshmi Sanjay",
        "Iyer Sharma Patil Nair Chatterjee Reddy Kulkarni Mehta Bose Pillai",
    ),
    _country(
        "JP",
        "JPY 4200000 12500000",
        "K.K.",
        "JAPAN",
        """Osaka | 530-0001 | | Umeda
        Sendai | 980-0811 | | Ichibancho
        Fukuoka | 810-0001 | | Tenjin""",
        "Haruka Kenji Yui Takumi Sakura Daichi Aoi Ren Emi Shota",
        "Tanaka Ōno Sato Itō Watanabe Kobayashi Katō Yamamoto Saitō Mori",
    ),
    _country(
        "BR",
        "BRL 60000 260000",
        "Ltda.",
        "BRAZIL",
        """Recife | 50030-230 | PE | Rua do Bom Jesus
        Curitiba | 80010-130 | PR | Rua XV de Novembro
        Belo Horizonte | 30130-010 | MG | Avenida Afonso Pena""",
        "João Beatriz Antônio Letícia Caio Vitória Tomás Conceição Davi Luíza",
        "Araújo Magalhães Conceição Simões Teixeira Guimarães Falcão Brandão Lourenço Assunção",
    ),
    _country(
        "NG",
        "NGN 6000000 30000000",
        "Ltd",
        "WAT",
        """Lagos | 101233 | | Broad Street
        Ibadan | 200223 | | Ring Road
        Abuja | 900211 | | Adetokunbo Ademola Crescent""",
        "Chidinma Tunde Adaeze Emeka Folake Ibrahim Ngozi Segun Amina Kelechi",
        "Adeyemi Eze Bello Ogunleye Nwosu Danjuma Abiodun Igwe Lawal Umeh",
    ),
    _country(
        "TR",
        "TRY 480000 2100000",
        "A.Ş.",
        "TURKEY",
        """İzmir | 35210 | | Cumhuriyet Bulvarı
        Ankara | 06420 | | Atatürk Bulvarı
        Bursa | 16010 | | Fevzi Çakmak Caddesi""",
        "Elif Barış Zeynep Çağrı Ayşe Oğuz Şule Emre Gökçe Tuğba",
        "Yılmaz Şahin Öztürk Kılıç Çelik Aydın Güneş Doğan Koç Işık",
    ),
    _country(
        "IT",
        "EUR 26000 78000",
        "S.r.l.",
        "CET",
        """Torino | 10121 | | Via Roma
        Bologna | 40121 | | Via dell'Indipendenza
        Palermo | 90133 | | Via Maqueda""",
        "Niccolò Giulia Matteo Chiara Lorenzo Alessia Davide Noemi Pietro Ilaria",
        "Rossetti Bianchi D'Amico Greco Fabbri Moretti Caruso Sala Zanetti Lo-Russo",
    ),
)


def mail_part(name: str) -> str:
    """A name as it stands in a mail address: `Gökçe D'Amico` → `gokce.damico`."""
    spelt = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    letters = "".join("." if char.isspace() else char for char in spelt if char.isspace() or char.isalnum())
    return letters.encode("ascii", "ignore").decode().lower()
