"""Metadata documents of both versions of OData, and texts that are none."""

from __future__ import annotations

import pytest

from fieldmap.compiler import edm

V2 = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData">
 <edmx:DataServices m:DataServiceVersion="2.0">
  <Schema Namespace="S4" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
   <!-- Größe: a sign of two bytes before all places -->
   <EntityType Name="A_SupplierType" sap:label="Supplier">
    <Key><PropertyRef Name="Supplier"/></Key>
    <Property Name="Supplier" Type="Edm.String" Nullable="false" MaxLength="10" sap:label="Lieferant"/>
    <Property Name="CreationDate" Type="Edm.DateTime" Precision="0" sap:display-format="Date"/>
    <Property Name="Price" Type="Edm.Decimal" Precision="13" Scale="3" sap:filterable="false"/>
    <Property Name="Where" Type="S4.Place" Nullable="false"/>
    <NavigationProperty Name="to_Company" Relationship="S4.assoc_1" FromRole="From" ToRole="To"/>
    <NavigationProperty Name="to_Partner" Relationship="S4.assoc_2" FromRole="From" ToRole="To"/>
   </EntityType>
   <EntityType Name="CompanyType"><Key><PropertyRef Name="Supplier"/><PropertyRef Name="Company"/></Key>
    <Property Name="Supplier" Type="Edm.String" Nullable="false"/><Property Name="Company" Type="Edm.String" Nullable="false"/>
   </EntityType>
   <ComplexType Name="Place"><Property Name="City" Type="Edm.String"/></ComplexType>
   <Association Name="assoc_1"><End Type="S4.A_SupplierType" Multiplicity="1" Role="From"/><End Type="S4.CompanyType" Multiplicity="*" Role="To"/></Association>
   <Association Name="assoc_2"><End Type="S4.A_SupplierType" Multiplicity="1" Role="From"/><End Type="S4.CompanyType" Multiplicity="0..1" Role="To"/></Association>
   <EntityContainer Name="C" m:IsDefaultEntityContainer="true">
    <EntitySet Name="A_Supplier" EntityType="S4.A_SupplierType"/>
    <AssociationSet Name="x" Association="S4.assoc_1"><End EntitySet="A_Supplier" Role="From"/></AssociationSet>
   </EntityContainer>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>
"""

V4 = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:DataServices>
  <Schema Namespace="com.example.shop" Alias="Self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
   <EntityType Name="Base" Abstract="true"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Guid" Nullable="false"/></EntityType>
   <EntityType Name="Product" BaseType="Self.Base">
    <Property Name="Price" Type="Self.Amount" Nullable="false"/>
    <Property Name="Tags" Type="Collection(Edm.String)"/>
    <Property Name="Colour" Type="Self.Colour"/>
    <NavigationProperty Name="Supplier" Type="Self.Supplier" Nullable="false"/>
    <NavigationProperty Name="Parts" Type="Collection(Self.Product)"/>
   </EntityType>
   <EntityType Name="Supplier" BaseType="Self.Base"><Property Name="Name" Type="Edm.String"><Annotation Term="Common.Label" String="The name"/></Property></EntityType>
   <EnumType Name="Colour"><Member Name="red" Value="0"/><Member Name="blue" Value="1"/></EnumType>
   <TypeDefinition Name="Amount" UnderlyingType="Edm.Decimal"/>
   <EntityContainer Name="C"><EntitySet Name="Products" EntityType="Self.Product"/><Singleton Name="Me" Type="Self.Supplier"/></EntityContainer>
   <Annotations Target="Self.Product/Price"><Annotation Term="Common.Label" String="What it costs"/></Annotations>
  </Schema>
 </edmx:DataServices>
</edmx:Edmx>
"""


def test_version_2() -> None:
    found = edm.read(V2)
    supplier = found.type_of("A_Supplier")
    assert found.version == "odata2"
    assert supplier is not None
    by_name = {one.name: one for one in found.properties(supplier)}
    assert list(by_name) == ["Supplier", "CreationDate", "Price", "Where"]
    assert found.key(supplier) == ("Supplier",)
    assert (by_name["Supplier"].nullable, by_name["Supplier"].label) == (False, "Lieferant")
    assert by_name["CreationDate"].is_date
    assert by_name["CreationDate"].nullable
    assert (by_name["Price"].precision, by_name["Price"].scale, by_name["Price"].filterable) == (13, 3, False)
    assert by_name["Where"].type == "S4.Place"
    assert not found.types["S4.Place"].is_entity
    company, partner = found.navigations(supplier)
    assert (company.type, company.collection) == ("S4.CompanyType", True)
    assert (partner.type, partner.collection, partner.nullable) == ("S4.CompanyType", False, True)
    assert found.key(found.types[company.type]) == ("Supplier", "Company")


def test_version_4() -> None:
    found = edm.read(V4)
    product = found.type_of("Products")
    assert found.version == "odata4"
    assert product is not None
    by_name = {one.name: one for one in found.properties(product)}
    assert list(by_name) == ["ID", "Price", "Tags", "Colour"]
    assert found.key(product) == ("ID",)
    assert (by_name["Price"].type, by_name["Price"].label) == ("Edm.Decimal", "What it costs")
    assert by_name["Tags"].collection
    assert by_name["Tags"].type == "Edm.String"
    assert found.enums[by_name["Colour"].type] == ("red", "blue")
    supplier, parts = found.navigations(product)
    assert (supplier.type, supplier.nullable, supplier.collection) == ("com.example.shop.Supplier", False, False)
    assert parts.collection
    assert found.types[parts.type] is product
    assert found.sets["Me"].single
    assert found.properties(found.types[supplier.type])[1].label == "The name"


@pytest.mark.parametrize("text", [V2, V4])
def test_places_point_at_what_they_are_of(text: str) -> None:
    found = edm.read(text)
    for type_ in found.types.values():
        named = [(one.name, one.place) for one in type_.properties.values()]
        named += [(one.name, one.place) for one in type_.navigations.values()]
        for name, place in named:
            shown = text[place.start : place.end]
            assert shown.startswith("<")
            assert f'Name="{name}"' in shown
            assert shown.endswith(">")
    for set_ in found.sets.values():
        assert f'Name="{set_.name}"' in text[set_.place.start : set_.place.end]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not XML"),
        ("<html><body>Sign in</body></html>", "no metadata of OData"),
        (V4.replace("<edmx:Edmx", '<!DOCTYPE x [<!ENTITY a "aaaa">]><edmx:Edmx'), "document type"),
        (V4[:600], "not XML"),
        ("<a>" * 100, "deeper than 64"),
        (V4.replace("EntitySet", "Nothing").replace("Singleton", "Nothing"), "no entity set"),
    ],
)
def test_what_is_no_metadata(text: str, says: str) -> None:
    with pytest.raises(edm.MetadataError, match=says):
        edm.read(text)


def test_a_type_that_extends_itself_comes_to_an_end() -> None:
    found = edm.read(V4.replace('Name="Base" Abstract="true"', 'Name="Base" BaseType="Self.Product"'))
    product = found.type_of("Products")
    assert product is not None
    assert len(found.properties(product)) < 200
